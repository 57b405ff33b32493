"""The calibration plot: what CE90 promises against what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

_INK, _OURS, _THEIRS = "#22303c", "#0b6e99", "#c25b3a"


def draw_pictures(result: Mapping[str, Any], folder: Path) -> None:
    """Draw `calibration-reliability.png` and `calibration-scatter.png` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context({"font.size": 11, "axes.edgecolor": _INK, "text.color": _INK}):
        _reliability(result, folder / "calibration-reliability.png")
        _scatter(result, folder / "calibration-scatter.png")


def _save(figure: Any, path: Path) -> None:
    # Without the version of the library, so that the same figures make the same file.
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _reliability(result: Mapping[str, Any], path: Path) -> None:
    promised, observed = np.array(result["reliability"]).T
    figure, axes = plt.subplots(figsize=(6.4, 5.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle="--", label="as promised")
    axes.plot(promised, observed, color=_OURS, marker="o", label="observed, default sigmas")
    low, high = result["all"]["coverage_interval"]
    coverage = result["all"]["coverage"]
    axes.errorbar(
        [0.9],
        [coverage],
        yerr=[[coverage - low], [high - coverage]],
        color=_OURS,
        capsize=4,
        label="90 % interval at CE90, whole photographs drawn",
    )
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="share of errors that the circle is to hold",
        ylabel="share of errors within it",
        title=f"{result['all']['points']} points of {result['all']['photographs']} photographs",
    )
    axes.grid(visible=True, color="#d9dee2", linewidth=0.6)
    axes.legend(loc="upper left", frameon=False)
    _save(figure, path)


def _scatter(result: Mapping[str, Any], path: Path) -> None:
    predicted, ours, theirs, noted = np.array(result["scatter"]).T
    figure, axes = plt.subplots(figsize=(7.2, 6.2), layout="constrained")
    reach = float(max(ours.max(), predicted.max())) * 1.05
    beyond = np.count_nonzero(theirs > reach)
    axes.plot([0, reach], [0, reach], color=_INK, linewidth=1, linestyle="--", label="error = CE90")
    axes.scatter(
        predicted,
        theirs,
        s=18,
        color=_THEIRS,
        alpha=0.45,
        marker="x",
        label=f"the public tool's error of the same pixel ({beyond} are above the frame)",
    )
    for chosen, fill, words in (
        (noted == 0, "none", "our error, assigned here"),
        (noted == 1, _OURS, "our error, named by the notes"),
    ):
        axes.scatter(
            predicted[chosen],
            ours[chosen],
            s=28,
            edgecolors=_OURS,
            facecolors=fill,
            label=words,
        )
    axes.set(
        xlim=(0, float(predicted.max()) * 1.1),
        ylim=(0, reach),
        xlabel="predicted CE90, metres",
        ylabel="error against the survey, metres",
        title=f"CE90 holds {result['all']['coverage'] * 100:.0f} % of our errors, to be 90 %",
    )
    axes.grid(visible=True, color="#d9dee2", linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    _save(figure, path)
