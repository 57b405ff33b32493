"""One page of accounts: every figure of it stands in every form."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from defusedxml import ElementTree
from pypdf import PdfReader
from vedette.v1 import pledge_pb2

from service.pledge_report import PledgeReport, as_csv, as_html, as_pdf

NOR = pledge_pb2.Account(
    contributor="NOR",
    pledge_count=2,
    pledged_hours=26,
    operational_days=12,
    sortie_count=3,
    flown_hours=1.5,
    sorties_without_time=1,
    delivered_count=8,
    delivered_bytes=6_015_000,
    usable_count=4,
    waiting_count=1,
    unusable=[
        pledge_pb2.CountedReason(reason="NO_ATTITUDE", count=2),
        pledge_pb2.CountedReason(reason="UNREADABLE", count=1),
    ],
    refusals=[pledge_pb2.CountedReason(reason="=host <b>state</b>", count=7)],
    refused_hours=14,
    marking=pledge_pb2.MARKING_UNCLASSIFIED,
)
SWE = pledge_pb2.Account(contributor="SWE", marking=pledge_pb2.MARKING_CONFIDENTIAL)
REPORT = PledgeReport(
    mission="unmiss",
    start=datetime(2026, 3, 1, tzinfo=UTC),
    end=datetime(2026, 4, 1, tzinfo=UTC),
    made_at=datetime(2026, 4, 2, 8, 30, tzinfo=UTC),
    accounts=[NOR, SWE],
)


def test_csv_holds_every_figure_and_no_formula() -> None:
    nor, swe = csv.DictReader(io.StringIO(as_csv(REPORT).decode()))
    assert nor["contributor"] == "NOR"
    assert [float(nor[name]) for name in ("pledged_hours", "flown_hours", "delivered_bytes")] == [
        26.0,
        1.5,
        6_015_000.0,
    ]
    assert (nor["usable"], nor["unusable"], nor["waiting"]) == ("4", "3", "1")
    assert nor["unusable_reasons"] == "2 NO_ATTITUDE, 1 UNREADABLE"
    assert nor["refused_by"] == "7 =host <b>state</b>"
    odd = replace(REPORT, start=REPORT.start + timedelta(microseconds=434_894))
    (row, _) = csv.DictReader(io.StringIO(as_csv(odd).decode()))
    assert (row["start_time"], row["end_time"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    # Not stated is not zero.
    assert (swe["pledged_hours"], swe["marking"]) == ("", "CONFIDENTIAL")


def test_html_stands_alone_and_bars_are_as_long_as_the_shares() -> None:
    page = as_html(REPORT).decode()
    assert "<script" not in page
    assert "http" not in page
    assert "&lt;b&gt;state" in page
    assert page.count("CONFIDENTIAL") == 2
    assert "2026-03-01 00:00 to 2026-04-01 00:00 UTC" in page
    drawing = page[page.index("<svg") : page.index("</svg>") + 6]
    widths = [float(bar.get("width", "")) for bar in ElementTree.fromstring(drawing)]
    assert widths == pytest.approx([120 * share / 8 for share in (4, 3, 1)], abs=0.1)


def test_pdf_is_one_page_that_tells_the_figures() -> None:
    data = as_pdf(REPORT)
    assert data.startswith(b"%PDF-")
    # Read by another library than the one that wrote it.
    (page,) = PdfReader(io.BytesIO(data)).pages
    text = page.extract_text()
    for word in ("UNMISS", "CONFIDENTIAL", "NOR", "26", "4 of 8 usable", "2 NO_ATTITUDE"):
        assert word in text


def test_many_contributors_still_fit_a_page() -> None:
    many = [
        pledge_pb2.Account(contributor=f"A{n:02}", unusable=NOR.unusable, refusals=NOR.refusals)
        for n in range(60)
    ]
    data = as_pdf(
        PledgeReport(
            mission="m",
            start=REPORT.start,
            end=REPORT.end,
            made_at=REPORT.made_at,
            accounts=many,
        )
    )
    assert data.count(b"/Type /Page\n") == 1
