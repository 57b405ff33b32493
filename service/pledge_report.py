"""What became of pledges, on one page: HTML and PDF to read, CSV to reckon with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib import import_module
from typing import Any

from vedette.v1 import pledge_pb2

from models.errors import VedetteError
from models.wording import counted

_USABLE, _UNUSABLE, _WAITING = "#2f7d4f", "#c0504d", "#b8b8b8"
_COLUMNS = (
    "Contributor",
    "Pledges",
    "Hours pledged",
    "Days operational",
    "Sorties",
    "Hours flown",
    "Pictures",
    "MB",
    "Usable",
    "Unusable",
    "Waiting",
    "Refused sorties",
)
_NOTE = (
    "Hours flown run from the first to the last picture of each sortie: it flew at least as long. "
    "Usable pictures were looked at and can be placed on the ground. A picture counts when it was "
    "taken, or when it was received where nobody says when it was taken."
)


class ReportError(VedetteError):
    """A report cannot be made here."""

    reason = "REPORT_FAILED"


@dataclass(frozen=True, kw_only=True, slots=True)
class PledgeReport:
    """What a report tells.

    Attributes:
        mission: its identifier.
        start: of the period.
        end: of the period, which is not part of it.
        made_at: when it was made.
        accounts: a contributor each.
    """

    mission: str
    start: datetime
    end: datetime
    made_at: datetime
    accounts: Sequence[pledge_pb2.Account]

    @property
    def title(self) -> str:
        """What it is of."""
        return f"Pledged capabilities, {self.mission.upper()}"

    @property
    def period(self) -> str:
        """Of when it is."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    @property
    def marking(self) -> str:
        """The strictest marking of the pledges it tells of."""
        strictest = max((account.marking for account in self.accounts), default=0)
        name = pledge_pb2.Marking.Name(strictest or pledge_pb2.MARKING_UNCLASSIFIED)
        return name.removeprefix("MARKING_").replace("_", " ")

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Heads of columns, and a row for each contributor."""
        return _COLUMNS, [_cells(account) for account in self.accounts]

    def remarks(self) -> Sequence[str]:
        """Why pictures were of no use, and who refused sorties."""
        return [remark for account in self.accounts for remark in _remarks(account)]


def _instant(moment: datetime) -> str:
    """A time for programs, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _unusable(account: pledge_pb2.Account) -> int:
    return sum(reason.count for reason in account.unusable)


def _refused(account: pledge_pb2.Account) -> int:
    return sum(reason.count for reason in account.refusals)


def _words(reasons: Iterable[pledge_pb2.CountedReason]) -> str:
    return ", ".join(f"{reason.count} {reason.reason}" for reason in reasons)


def _cells(account: pledge_pb2.Account) -> tuple[str, ...]:
    pledged = f"{account.pledged_hours:.0f}" if account.HasField("pledged_hours") else "not stated"
    flown = f"{account.flown_hours:.1f}"
    if account.sorties_without_time:
        flown += f" (+ {counted(account.sorties_without_time, 'sortie')} without time)"
    refused = str(_refused(account))
    if account.refused_hours:
        refused += f" ({account.refused_hours:.0f} h)"
    return (
        account.contributor,
        str(account.pledge_count),
        pledged,
        f"{account.operational_days:.1f}",
        str(account.sortie_count),
        flown,
        str(account.delivered_count),
        f"{account.delivered_bytes / 1e6:.1f}",
        str(account.usable_count),
        str(_unusable(account)),
        str(account.waiting_count),
        refused,
    )


def _shares(account: pledge_pb2.Account) -> tuple[tuple[str, float], ...]:
    """Colour and share of what was delivered."""
    whole = max(account.delivered_count, 1)
    return (
        (_USABLE, account.usable_count / whole),
        (_UNUSABLE, _unusable(account) / whole),
        (_WAITING, account.waiting_count / whole),
    )


def _remarks(account: pledge_pb2.Account) -> tuple[str, ...]:
    """Why pictures were of no use, and who refused sorties."""
    found = []
    if account.unusable:
        found.append(f"{account.contributor}, unusable: {_words(account.unusable)}")
    if account.refusals:
        found.append(f"{account.contributor}, refused by: {_words(account.refusals)}")
    return tuple(found)


def as_csv(report: PledgeReport) -> bytes:
    """A row for each contributor; numbers plain, what is unknown empty."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        (
            "mission",
            "start_time",
            "end_time",
            "contributor",
            "marking",
            "pledges",
            "pledged_hours",
            "operational_days",
            "sorties",
            "flown_hours",
            "sorties_without_time",
            "delivered",
            "delivered_bytes",
            "usable",
            "unusable",
            "waiting",
            "refused_sorties",
            "refused_hours",
            "unusable_reasons",
            "refused_by",
        )
    )
    for account in report.accounts:
        rows.writerow(
            (
                report.mission,
                _instant(report.start),
                _instant(report.end),
                account.contributor,
                pledge_pb2.Marking.Name(account.marking).removeprefix("MARKING_"),
                account.pledge_count,
                account.pledged_hours if account.HasField("pledged_hours") else "",
                round(account.operational_days, 3),
                account.sortie_count,
                round(account.flown_hours, 3),
                account.sorties_without_time,
                account.delivered_count,
                account.delivered_bytes,
                account.usable_count,
                _unusable(account),
                account.waiting_count,
                _refused(account),
                round(account.refused_hours, 3),
                *(_cell(_words(reasons)) for reasons in (account.unusable, account.refusals)),
            )
        )
    return text.getvalue().encode()


def _cell(words: str) -> str:
    # A spreadsheet takes what begins so for a formula.
    return f"'{words}" if words[:1] in ("=", "+", "-", "@") else words


def as_html(report: PledgeReport) -> bytes:
    """A page that stands alone: no script, nothing fetched."""
    head = "".join(f"<th>{escape(column)}</th>" for column in (*_COLUMNS, "Of the pictures"))
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(account))
        + f"<td>{_bar(account)}</td></tr>"
        for account in report.accounts
    )
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in report.remarks())
    nothing = "" if report.accounts else "<p>No pledge was in force and nothing was delivered.</p>"
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(report.title)}</title>
<style>
@page {{ size: A4 landscape; margin: 12mm }}
body {{ font: 13px/1.4 sans-serif; margin: 24px; color: #1b1b1b }}
.marking {{ text-align: center; font-weight: bold; letter-spacing: .08em }}
h1 {{ font-size: 20px; margin: 8px 0 0 }} p {{ margin: 4px 0 12px }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ padding: 4px 8px; text-align: right; border-bottom: 1px solid #d6d6d6 }}
th {{ border-bottom: 2px solid #555; vertical-align: bottom }}
th:first-child, td:first-child {{ text-align: left; font-weight: bold }}
.note {{ color: #555; margin-top: 12px }}
</style></head><body>
<div class="marking">{escape(report.marking)}</div>
<h1>{escape(report.title)}</h1>
<p>{escape(report.period)}, made {report.made_at:%Y-%m-%d %H:%M} UTC</p>
<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{nothing}
<ul>{remarks}</ul>
<p class="note"><b style="color:{_USABLE}">usable</b>, <b style="color:{_UNUSABLE}">unusable</b>,
<b style="color:#777">waiting</b>. {escape(_NOTE)}</p>
<div class="marking">{escape(report.marking)}</div>
</body></html>
"""
    return page.encode()


def _bar(account: pledge_pb2.Account) -> str:
    width, parts, left = 120, [], 0.0
    for colour, share in _shares(account):
        parts.append(
            f'<rect x="{left:.1f}" width="{share * width:.1f}" height="12" fill="{colour}"/>'
        )
        left += share * width
    return (
        f'<svg width="{width}" height="12" role="img" aria-label="{account.usable_count} of '
        f'{account.delivered_count} usable">{"".join(parts)}</svg>'
    )


def as_pdf(report: PledgeReport) -> bytes:
    """One A4 page, landscape.

    Raises:
        ReportError: the library that writes PDF is not installed.
    """
    try:
        fpdf = import_module("fpdf")
    except ImportError as error:
        raise ReportError(
            "PDF needs fpdf2: pip install 'vedette[report]', or ask for --format html"
        ) from error
    page: Any = fpdf.FPDF(orientation="landscape", format="A4")
    page.set_title(report.title)
    page.set_creation_date(report.made_at)
    page.set_auto_page_break(auto=False)
    page.add_page()

    def line(text: str, size: float, style: str = "", align: str = "L") -> None:
        page.set_font("helvetica", style, size)
        page.cell(0, size * 0.5, _latin(text), align=align, new_x="LMARGIN", new_y="NEXT")

    line(report.marking, 10, "B", "C")
    line(report.title, 16, "B")
    line(f"{report.period}, made {report.made_at:%Y-%m-%d %H:%M} UTC", 9)
    page.ln(3)
    _, rows = report.table()
    # A page holds so many; the CSV holds all.
    shown = rows[:_ROWS_A_PAGE]
    page.set_font("helvetica", "", 8)
    with page.table(
        col_widths=(20, 14, 17, 18, 14, 30, 16, 16, 14, 16, 14, 24),
        text_align=("LEFT", *["RIGHT"] * (len(_COLUMNS) - 1)),
        line_height=4.5,
        borders_layout="HORIZONTAL_LINES",
    ) as table:
        for row in (_COLUMNS, *shown):
            cells = table.row()
            for cell in row:
                cells.cell(_latin(cell))
    page.ln(3)
    if len(shown) < len(rows):
        line(f"and {counted(len(rows) - len(shown), 'more contributor')}: see the CSV", 8)
    for account in report.accounts[:_ROWS_A_PAGE]:
        _draw_bar(page, account)
    page.ln(2)
    remarks = report.remarks()
    for remark in remarks[:_REMARKS_A_PAGE]:
        line(remark if len(remark) <= _REMARK_LENGTH else f"{remark[:_REMARK_LENGTH]}...", 8)
    if len(remarks) > _REMARKS_A_PAGE:
        line(f"and {counted(len(remarks) - _REMARKS_A_PAGE, 'more remark')}: see the CSV", 8)
    page.set_font("helvetica", "", 7)
    page.multi_cell(0, 3.5, f"Bars: usable (green), unusable (red), waiting (grey). {_NOTE}")
    page.set_y(-14)
    line(report.marking, 10, "B", "C")
    return bytes(page.output())


_ROWS_A_PAGE = 12
_REMARKS_A_PAGE = 10
_REMARK_LENGTH = 150


def _draw_bar(page: Any, account: pledge_pb2.Account) -> None:
    page.set_font("helvetica", "B", 8)
    page.cell(14, 4.5, _latin(account.contributor))
    left, top, width = page.get_x(), page.get_y() + 0.8, 120.0
    for colour, share in _shares(account):
        if share > 0:
            page.set_fill_color(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))
            page.rect(left, top, share * width, 3, style="F")
            left += share * width
    page.set_font("helvetica", "", 8)
    page.set_x(page.l_margin + 14 + width + 2)
    told = f"{account.usable_count} of {account.delivered_count} usable"
    page.cell(0, 4.5, told, new_x="LMARGIN", new_y="NEXT")


def _latin(text: str) -> str:
    # The typefaces that every PDF reader has know no other letters.
    return text.encode("latin-1", "replace").decode("latin-1")
