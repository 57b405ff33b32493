"""One simulated day as a map and a timeline: what was there, what was seen, what was told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from benchmarks.incident_days import Day, threats
from benchmarks.incident_looks import CLUTTER, Look
from benchmarks.incident_scores import Told

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Circle

_INK, _TRUE, _TOLD, _FALSE = "#22303c", "#9fb4c2", "#0b6e99", "#c25b3a"
_BREAK_S = 120.0


def draw(day: Day, told: Sequence[tuple[Look, Told]], path: Path) -> None:
    """Draw one day into a PNG file.

    Args:
        day: what was there and what the frames show of it.
        told: what operators were told, with the frame.
        path: the file.
    """
    with plt.rc_context({"font.size": 10, "axes.edgecolor": _INK, "text.color": _INK}):
        figure, (ground, time) = plt.subplots(1, 2, figsize=(13.0, 6.6), layout="constrained")
        _map(ground, day, told)
        _timeline(time, day, told)
        figure.suptitle(f"{day.area.name}: one simulated day")
        # Without the version of the library, so that the same figures make the same file.
        figure.savefig(path, dpi=110, metadata={"Software": None})
        plt.close(figure)


def _enu(day: Day, look: Look, row: int) -> NDArray[np.float64]:
    point = look.ground[row]
    place = np.array([point.latitude_deg, point.longitude_deg, day.ground.frame.hae_m], np.float64)
    return day.ground.frame.from_geodetic(place)[:2]


def _map(axes: Any, day: Day, told: Sequence[tuple[Look, Told]]) -> None:
    site = day.area.sites[0]
    centre, reach = site.path.at(day.looks[0].taken_s), site.radius_m
    flown = np.concatenate([flight.time_s for flight in day.area.flights])
    for number, thing in enumerate(day.area.things):
        way = thing.path.at(flown)
        label = "true ways while drones flew" if number == 0 else None
        axes.plot(*way.T, ".", color=_TRUE, markersize=2, label=label)
    groups: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for look in day.looks:
        for row, truth in enumerate(look.truth):
            groups["nothing" if truth <= CLUTTER else "thing"].append(_enu(day, look, row))
    for kind, colour, label in (
        ("thing", _TOLD, "detections of things"),
        ("nothing", _FALSE, "detections of nothing"),
    ):
        if groups[kind]:
            places = np.stack(groups[kind])
            axes.plot(*places.T, ",", color=colour, alpha=0.6)
            axes.plot([], [], ".", color=colour, label=label)
    for look, one in told:
        if one.raised and one.truth:
            row = int(np.flatnonzero(look.truth == one.truth[0])[0])
            colour = _FALSE if one.truth[0] <= CLUTTER else _TOLD
            axes.plot(*_enu(day, look, row), "o", color=colour, markersize=7, fillstyle="none")
    axes.plot([], [], "o", color=_INK, fillstyle="none", label="where incidents were raised")
    for number, flight in enumerate(day.area.flights):
        label = "drones" if number == 0 else None
        axes.plot(*flight.place_m[0, :2], "^", color=_INK, markersize=8, label=label)
    axes.add_patch(Circle(tuple(centre), reach, fill=False, color=_INK, linestyle="--"))
    axes.set(
        xlim=(centre[0] - 1.6 * reach, centre[0] + 1.6 * reach),
        ylim=(centre[1] - 1.6 * reach, centre[1] + 1.6 * reach),
        aspect="equal",
        xlabel="metres east",
        ylabel="metres north",
    )
    axes.legend(loc="upper left", fontsize=8)


def _timeline(axes: Any, day: Day, told: Sequence[tuple[Look, Told]]) -> None:
    inside: dict[int, list[float]] = defaultdict(list)
    found: dict[int, list[float]] = defaultdict(list)
    for look in day.looks:
        for number, _ in threats(day, look):
            inside[number].append(look.taken_s)
            if number in look.truth:
                found[number].append(look.taken_s)
    taken = np.unique([look.taken_s for look in day.looks])
    starts = taken[np.flatnonzero(np.diff(taken, prepend=-np.inf) > _BREAK_S)]
    flown = np.diff(taken, prepend=taken[0])
    # The hours between two flights are left out.
    clock = np.cumsum(np.minimum(flown, _BREAK_S / 4))
    rows = {number: row for row, number in enumerate(sorted(inside, key=lambda it: inside[it][0]))}

    def at(time_s: Sequence[float]) -> NDArray[np.float64]:
        return np.asarray(np.interp(time_s, taken, clock), np.float64) / 60.0

    for number, row in rows.items():
        axes.plot(at(inside[number]), [row] * len(inside[number]), ".", color=_TRUE, markersize=7)
        axes.plot(at(found[number]), [row] * len(found[number]), ".", color=_TOLD, markersize=2)
    for look, one in told:
        for number in {*one.truth} & rows.keys() if one.raised else ():
            axes.plot(at([look.taken_s]), [rows[number]], "o", color=_INK, fillstyle="none")
    axes.set(
        yticks=range(len(rows)),
        yticklabels=[
            f"{day.area.things[it].category}, {day.area.things[it].behaviour}" for it in rows
        ],
        xlabel="minutes of flight, pauses cut short",
    )
    axes.vlines(at(starts.tolist()), -1, len(rows), color=_INK, linewidth=0.5, linestyle=":")
    axes.plot([], [], ".", color=_TRUE, markersize=7, label="within the radius and in view")
    axes.plot([], [], ".", color=_TOLD, markersize=2, label="detected")
    axes.plot([], [], "o", color=_INK, fillstyle="none", label="incident raised")
    axes.legend(loc="upper left", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)
