"""The report of an evaluation: one HTML file that needs no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.detections import Detections
from models.detector import DetectorIdentity
from models.evaluation.evaluation import Case, Evaluation, SizeScore, SubjectScore
from models.evaluation.labels import LabelledImage
from models.wording import counted

FILE_NAME = "index.html"
_CASES = 12
_CROP_PX = 240
_CONTEXT = 5.0
"""Side of a crop over the longer side of its box."""

_LEAST_CROP = 48
_COLOURS = ("#0b6e99", "#b8500c", "#4a7c23", "#7a3e9d", "#8a6d00", "#a3224f", "#3d5a80", "#555555")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1080px; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem .25rem 0; text-align: right;
  border-bottom: 1px solid #d9dee3; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; } .note { color: #57606a; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 100%; display: block; image-rendering: auto; }
figcaption { font-size: 13px; color: #57606a; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } svg text { font: 12px system-ui, sans-serif; fill: #57606a; }
"""


def write_report(
    folder: Path,
    *,
    title: str,
    identity: DetectorIdentity,
    evaluation: Evaluation,
    images: Sequence[LabelledImage],
    found: Sequence[Detections],
    read: Callable[[Path], NDArray[np.uint8]],
) -> Path:
    """Write the report and return its path.

    Args:
        folder: made where it is missing.
        title: what was evaluated.
        identity: what looked.
        evaluation: of `images` and `found`.
        images: labelled images.
        found: detections of each.
        read: an image file as (height, width, 3) RGB.

    Raises:
        OSError: the folder cannot be written.
    """
    thresholds = np.array([evaluation.thresholds[name] for name in identity.categories])
    parts = [
        f"<h1>{escape(title)}</h1>",
        (
            f'<p class="note">{escape(identity.label)} on {escape(identity.engine)}; '
            f"{counted(evaluation.images, 'image')}; an object is found from an overlap (IoU) of "
            f"{evaluation.min_iou:g}; recall, precision and false alarms at confidence "
            f"{escape(thresholds_text(evaluation.thresholds))}.</p>"
        ),
        "<h2>Scores</h2>",
        _table(evaluation.scores),
        "<h2>By size in the image</h2>",
        '<p class="note">Square root of the box\'s area. AP, recall, labelled objects.</p>',
        _sizes({score.subject: score.sizes_px for score in evaluation.scores}),
    ]
    on_ground = {score.subject: score.sizes_m for score in evaluation.scores if score.sizes_m}
    if on_ground:
        parts += ["<h2>By size on the ground</h2>", _sizes(on_ground)]
    parts += [
        "<h2>Precision over recall</h2>",
        '<div class="wide">'
        + draw_curves([(score.subject, score) for score in evaluation.scores])
        + "</div>",
    ]
    for heading, note, cases in (
        (
            "Worst misses",
            (
                "Labelled objects that nothing found, the largest first. Red: the object; "
                "green: other labels; blue: detections."
            ),
            evaluation.misses,
        ),
        (
            "Worst false alarms",
            (
                "Detections that agree with no label, the most confident first; some are objects "
                "that nobody labelled. Red: the detection; green: labels; blue: other detections."
            ),
            evaluation.false_alarms,
        ),
    ):
        parts.append(f'<h2>{heading}</h2><p class="note">{len(cases)} in all. {note}</p>')
        parts.append(
            '<div class="cases">'
            + "".join(
                _figure(case, images[case.image], found[case.image], thresholds, read)
                for case in _worst(cases)
            )
            + "</div>"
        )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    path.write_text(page, encoding="utf-8")
    return path


def share(value: float | None) -> str:
    """A share as people read it; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


def thresholds_text(thresholds: Mapping[str, float]) -> str:
    """One number where all categories have the same, else each with its name."""
    if len(set(thresholds.values())) == 1:
        return f"{next(iter(thresholds.values())):g}"
    return ", ".join(f"{name} {value:.3g}" for name, value in thresholds.items())


def score_cells(score: SubjectScore) -> tuple[str, ...]:
    """A row of a table: subject, objects, AP, AP50:95, recall, precision, false alarms."""
    per_km2 = score.false_alarms_per_km2
    return (
        score.subject,
        str(score.truths),
        share(score.ap50),
        share(score.ap50_95),
        share(score.recall),
        share(score.precision),
        f"{score.false_alarms_per_image:.2f}",
        "-" if per_km2 is None else f"{per_km2:.0f}",
    )


def _table(scores: Iterable[SubjectScore]) -> str:
    heads = (
        "",
        "objects",
        "AP50",
        "AP50:95",
        "recall",
        "precision",
        "false / image",
        "false / km²",
    )
    return _rows(
        heads,
        (score_cells(score) for score in scores),
    )


def _sizes(scores: dict[str, dict[str, SizeScore]]) -> str:
    heads = ("", *next(iter(scores.values())))
    return _rows(
        heads,
        (
            (
                subject,
                *(
                    f"{share(size.ap50)} / {share(size.recall)} / {size.truths}"
                    if size.truths
                    else "-"
                    for size in sizes.values()
                ),
            )
            for subject, sizes in scores.items()
        ),
    )


def _rows(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def draw_curves(scores: Sequence[tuple[str, SubjectScore]]) -> str:
    """An SVG of precision over recall, a line for each labelled score, a dot where it operates."""
    left, top, side = 46, 12, 360

    def at(recall: float, precision: float) -> str:
        return f"{left + recall * side:.1f},{top + (1 - precision) * side:.1f}"

    lines = [
        f'<path d="M{at(0, tick)} L{at(1, tick)} M{at(tick, 0)} L{at(tick, 1)}" stroke="#e3e7eb"/>'
        f'<text x="{left - 8}" y="{top + (1 - tick) * side + 4}" text-anchor="end">{tick:g}</text>'
        f'<text x="{left + tick * side}" y="{top + side + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in np.linspace(0, 1, 6).tolist()
    ]
    lines.append(
        f'<text x="{left + side / 2}" y="{top + side + 38}" text-anchor="middle">recall</text>'
        f'<text x="12" y="{top + side / 2}" text-anchor="middle" '
        f'transform="rotate(-90 12 {top + side / 2})">precision</text>'
    )
    for place, (label, score) in enumerate(scores):
        colour = _COLOURS[place % len(_COLOURS)]
        curve = score.curve
        reached = curve.precision > 0
        points = " ".join(
            at(recall, precision)
            for recall, precision in zip(
                curve.recall[reached].tolist(), curve.precision[reached].tolist(), strict=True
            )
        )
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        if score.precision is not None:
            x, y = at(score.recall, score.precision).split(",")
            lines.append(f'<circle cx="{x}" cy="{y}" r="4.5" fill="{colour}"/>')
        y_text = top + 14 + 22 * place
        lines.append(
            f'<rect x="{left + side + 24}" y="{y_text - 9}" width="12" height="12" '
            f'fill="{colour}"/><text x="{left + side + 42}" y="{y_text + 2}">'
            f"{escape(label)}, AP {score.ap50:.3f}</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{top + side + 48}" '
        f'role="img" aria-label="precision over recall">{"".join(lines)}</svg>'
    )


def _worst(cases: Sequence[Case]) -> list[Case]:
    """The worst of each subject in turns, at most two of one image."""
    chosen: list[Case] = []
    for subject in dict.fromkeys(case.subject for case in cases):
        used: dict[int, int] = {}
        for case in cases:
            if case.subject == subject and used.get(case.image, 0) < 2:
                used[case.image] = used.get(case.image, 0) + 1
                chosen.append(case)
            if sum(used.values()) == _CASES:
                break
    return chosen


def _figure(
    case: Case,
    image: LabelledImage,
    found: Detections,
    thresholds: NDArray[np.float64],
    read: Callable[[Path], NDArray[np.uint8]],
) -> str:
    data = base64.b64encode(_crop(case, image, found, thresholds, read(image.path))).decode()
    left, top, right, bottom = case.xyxy.tolist()
    told = f"{case.subject}, {right - left:.0f} x {bottom - top:.0f} px"
    if case.confidence:
        told += f", confidence {case.confidence:.2f}"
    caption = f"{escape(told)}<br>{escape(image.path.name)}"
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="{escape(told)}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _crop(
    case: Case,
    image: LabelledImage,
    found: Detections,
    thresholds: NDArray[np.float64],
    pixels: NDArray[np.uint8],
) -> bytes:
    """JPEG of the case and what is around it."""
    centre = (case.xyxy[:2] + case.xyxy[2:]) / 2
    size = max(float((case.xyxy[2:] - case.xyxy[:2]).max()) * _CONTEXT, _LEAST_CROP)
    size = min(size, image.width_px, image.height_px)
    limit = np.array([image.width_px, image.height_px]) - size
    left, top = np.clip(centre - size / 2, 0, limit).tolist()
    scale = 2 * _CROP_PX / size
    picture = Image.fromarray(pixels).resize(
        (2 * _CROP_PX, 2 * _CROP_PX),
        Image.Resampling.BICUBIC,
        box=(left, top, left + size, top + size),
    )
    draw = ImageDraw.Draw(picture)
    shown = found.xyxy[found.confidence >= thresholds[found.class_id]]
    for boxes, colour, width in (
        (image.xyxy, "#35c759", 2),
        (shown, "#3aa0ff", 2),
        (case.xyxy[None], "#ff3b30", 4),
    ):
        for box in boxes.astype(np.float64):
            corners = ((box - [left, top, left, top]) * scale).tolist()
            draw.rectangle(corners, outline=colour, width=width)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return stream.getvalue()
