"""Whether CE90 holds: predicted against observed errors of the Thunderstorm field test.

    python -m benchmarks.calibration [--data DIR] [--pictures DIR] [--json FILE]

Real photographs, surveyed control points, the inputs as they were recorded. It prints how far off
our places and those of the public tool are, what share of the errors our CE90 covers with the
default sigmas, how sure that share is, and how the defaults come out: the most probable sigmas
given the errors and what is published of the parts (`PRIOR`), found anew without each photograph in
turn. The errors of one photograph are one draw, not many: each counts by the square root of its
points, and intervals come from drawing whole photographs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks.calibration_pictures import draw_pictures
from benchmarks.control_points import ControlPoints, known_control_points, place
from benchmarks.detection_frames import data_folder
from pipelines.geometry.uncertainty import confidence_radius_m
from pipelines.metadata.pose_check import DEFAULT_SIGMAS
from pipelines.pose import Sigmas

Floats = NDArray[np.float64]

PRIOR = {
    "horizontal_m": (3.3, 0.35),
    "height_m": (4.0, 0.35),
    "yaw_deg": (3.0, 0.4),
    "pitch_deg": (1.0, 0.4),
}
"""What is published: the median of each sigma and the sigma of its logarithm.

`height_m` is camera and terrain together, which one test over one ground cannot tell apart. The
sources are in `docs/calibration.md`.
"""

_SHARES = np.array([0.25, 0.5, 0.68, 0.8, 0.9, 0.95, 0.99])
_DRAWS = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """Errors of N clicks, and what each input adds to their covariance.

    Attributes:
        photo: (N,) number of the photograph.
        errors_m: (N, 2) east and north.
        parts: name of a sigma to (N, 2, 2), its covariance where that sigma is 1.
        fixed: (N, 2, 2) of roll and pixel, which the test does not show.
        weight: (N,) the square root of the photograph's clicks, shared among them.
    """

    photo: NDArray[np.intp]
    errors_m: Floats
    parts: Mapping[str, Floats]
    fixed: Floats
    weight: Floats

    def covariance(self, sigmas: Mapping[str, float]) -> Floats:
        """(N, 2, 2) by these sigmas."""
        return self.fixed + sum(sigmas[name] ** 2 * part for name, part in self.parts.items())


def trial(points: ControlPoints) -> Trial:
    """What the fit needs of the control points."""
    clicks = points.clicks
    photo = points.photo
    places = place(clicks)

    def part(**sigmas: float) -> Floats:
        values = {name: sigmas.get(name, 0.0) for name in Sigmas.__slots__}
        return place(clicks, Sigmas(**values)).covariance_enu_m2[:, :2, :2]

    counts = np.array([np.count_nonzero(photo == one) for one in photo])
    return Trial(
        photo=photo,
        errors_m=points.errors_m(places.latitude_deg, places.longitude_deg),
        parts={
            "horizontal_m": part(horizontal_m=1.0),
            "height_m": part(vertical_m=1.0),
            "yaw_deg": part(yaw_deg=1.0),
            "pitch_deg": part(pitch_deg=1.0),
        },
        fixed=part(roll_deg=DEFAULT_SIGMAS.roll_deg, pixel_px=DEFAULT_SIGMAS.pixel_px),
        weight=1.0 / np.sqrt(counts),
    )


def most_probable(given: Trial, kept: NDArray[np.bool_]) -> dict[str, float]:
    """The sigmas of highest posterior density.

    The likelihood is that of each click's own error (composite, as CE90 speaks of one place at a
    time), scaled so that all clicks together count as many as there are photographs.
    """
    names = tuple(PRIOR)
    centre = np.log([PRIOR[name][0] for name in names])
    width = np.array([PRIOR[name][1] for name in names])
    errors = given.errors_m[kept]
    weight = given.weight[kept] / given.weight.sum() * len(np.unique(given.photo))

    def cost(logarithms: Floats) -> float:
        sigmas = dict(zip(names, np.exp(logarithms), strict=True))
        covariance = given.covariance(sigmas)[kept]
        square = np.einsum("ni,nij,nj->n", errors, np.linalg.inv(covariance), errors)
        misfit = square + np.log(np.linalg.det(covariance))
        return float(weight @ misfit + np.sum(((logarithms - centre) / width) ** 2)) / 2

    found = minimize(cost, centre, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-5})
    return {name: float(value) for name, value in zip(names, np.exp(found.x), strict=True)}


def left_out_ce90_m(given: Trial) -> Floats:
    """CE90 (N,) of each click by sigmas found without its photograph."""
    ce90 = np.empty(len(given.photo))
    for photo in np.unique(given.photo):
        kept = given.photo != photo
        sigmas = most_probable(given, kept)
        ce90[~kept] = confidence_radius_m(given.covariance(sigmas)[~kept])
    return ce90


def coverage_interval(inside: NDArray[np.bool_], photo: NDArray[np.intp]) -> tuple[float, float]:
    """90 % interval of the share that is inside, by drawing whole photographs (bootstrap)."""
    numbers = np.unique(photo)
    hits = np.array([np.count_nonzero(inside[photo == one]) for one in numbers])
    counts = np.array([np.count_nonzero(photo == one) for one in numbers])
    drawn = np.random.default_rng(1).integers(0, len(numbers), (_DRAWS, len(numbers)))
    low, high = np.quantile(hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.05, 0.95))
    return float(low), float(high)


def reliability(errors_m: Floats, covariance_m2: Floats) -> list[tuple[float, float]]:
    """Promised share and the share of errors within the circle of that promise."""
    distance = np.hypot(*errors_m.T)
    return [
        (float(share), float(np.mean(distance <= confidence_radius_m(covariance_m2, float(share)))))
        for share in _SHARES
    ]


def measure(points: ControlPoints) -> dict[str, Any]:
    """Every figure of this benchmark, and the arrays that its pictures show."""
    places = place(points.clicks)
    errors = points.errors_m(places.latitude_deg, places.longitude_deg)
    ours = np.hypot(*errors.T)
    theirs = np.hypot(
        *points.errors_m(
            np.array([click.tool_latitude_deg for click in points.clicks]),
            np.array([click.tool_longitude_deg for click in points.clicks]),
        ).T
    )
    given = trial(points)
    everything = np.ones(len(ours), bool)
    left_out = left_out_ce90_m(given)
    result: dict[str, Any] = {
        "defaults": {name: getattr(DEFAULT_SIGMAS, name) for name in Sigmas.__slots__},
        "most_probable": most_probable(given, everything),
        "reliability": reliability(errors, places.covariance_enu_m2),
    }
    for name, chosen in (("all", everything), ("noted", points.noted)):
        photo = points.photo[chosen]
        inside, crossed = ours <= places.ce90_m, ours <= left_out
        result[name] = {
            "points": int(np.count_nonzero(chosen)),
            "photographs": len(np.unique(photo)),
            "cep_m": float(np.median(ours[chosen])),
            "observed_ce90_m": float(np.quantile(ours[chosen], 0.9)),
            "tool_cep_m": float(np.median(theirs[chosen])),
            "tool_observed_ce90_m": float(np.quantile(theirs[chosen], 0.9)),
            "coverage": float(inside[chosen].mean()),
            "coverage_interval": coverage_interval(inside[chosen], photo),
            "mean_ce90_m": float(places.ce90_m[chosen].mean()),
            "left_out_coverage": float(crossed[chosen].mean()),
            "left_out_interval": coverage_interval(crossed[chosen], photo),
            "left_out_mean_ce90_m": float(left_out[chosen].mean()),
        }
    result["scatter"] = np.stack([places.ce90_m, ours, theirs, points.noted], axis=1).tolist()
    return result


def main() -> None:
    """Measure, print, and where asked draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of real imagery and truth")
    parser.add_argument("--pictures", type=Path, help="draw the calibration plot into this folder")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    folder = data_folder(arguments.data) / "truth" / "thunderstorm"
    result = measure(known_control_points(folder))
    for name, words in (("all", "assigned here"), ("noted", "named by the notes of the data")):
        one = result[name]
        low, high = one["coverage_interval"]
        print(f"{one['points']} points of {one['photographs']} photographs, {words}")
        print(
            f"  ours         CEP {one['cep_m']:.1f} m, observed CE90 {one['observed_ce90_m']:.1f} m"
        )
        print(
            f"  public tool  CEP {one['tool_cep_m']:.1f} m, observed CE90 "
            f"{one['tool_observed_ce90_m']:.1f} m"
        )
        print(
            f"  CE90 by the defaults covers {one['coverage']:.1%} ({low:.0%} to {high:.0%}), mean "
            f"{one['mean_ce90_m']:.1f} m"
        )
        low, high = one["left_out_interval"]
        print(
            f"  without the photograph itself {one['left_out_coverage']:.1%} "
            f"({low:.0%} to {high:.0%}), mean {one['left_out_mean_ce90_m']:.1f} m"
        )
    print("most probable sigmas", {k: round(v, 2) for k, v in result["most_probable"].items()})
    print("promised and observed", [(p, round(o, 2)) for p, o in result["reliability"]])
    if arguments.pictures:
        draw_pictures(result, arguments.pictures)
    if arguments.json:
        figures = {name: value for name, value in result.items() if name != "scatter"}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
