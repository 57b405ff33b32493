"""Image to boxes: Vedette against sahi on torch and OpenVINO, supervision, and the bare engine.

All look at the same frames with the same weights, tiles and confidence, in turns, each in a
process of its own. A tile is one run of the network: the tiles of the frame, and the whole frame
reduced to one more. Beside the time on the clock stands the processor time of each, which other
work on the machine hardly changes: as many processor seconds a tile mean as many tiles a second
where the machine is left alone.

    python -m benchmarks.detection [--json FILE] [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.detection_contenders import CONTENDERS, OVERLAP, TILE_PX
from benchmarks.detection_frames import SIZES, Frame, data_folder, make_frames
from models.tiles.tiling import tile_grid

MODULE = "benchmarks.detection_contenders"
PEERS = {
    "sahi_openvino": "sahi + OpenVINO",
    "sahi_torch": "sahi + torch",
    "supervision_openvino": "supervision + OpenVINO",
}


class Contender:
    """One process that answers frames."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / f"{name}.log").open("wb"),
            text=True,
        )

    def run(self, frame: Frame) -> dict[str, Any]:
        """What it measured on a frame."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a contender is talked to over pipes")
        self._process.stdin.write(f"{frame.name}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=60)


def measure(folder: Path, frames: list[Frame], rounds: int) -> dict[str, dict[str, list[Any]]]:
    """Answers by frame and contender: one warm run, then `rounds` in turns.

    Each size has processes of its own, so that a peak of memory is that of its size.
    """
    answers: dict[str, dict[str, list[Any]]] = {
        frame.name: {name: [] for name in CONTENDERS} for frame in frames
    }
    for frame in frames:
        contenders = [Contender(name, folder) for name in CONTENDERS]
        try:
            for contender in contenders:
                contender.run(frame)
            for _ in range(rounds):
                for contender in contenders:
                    answers[frame.name][contender.name].append(contender.run(frame))
        finally:
            for contender in contenders:
                contender.close()
    return answers


def summarise(frame: Frame, answers: dict[str, list[Any]]) -> dict[str, Any]:
    """Medians and ratios of one frame."""
    tiles = len(tile_grid(frame.width_px, frame.height_px, TILE_PX, OVERLAP)) + 1

    def rate(name: str, key: str) -> float:
        return tiles / float(statistics.median(answer[key] for answer in answers[name]))

    def most(name: str) -> float:
        return round(max(float(answer["peak_rss_mb"]) for answer in answers[name]), 1)

    def cpu_ms(name: str, key: str = "cpu_s") -> float:
        return float(statistics.median(answer[key] for answer in answers[name])) / tiles * 1e3

    bare = rate("engine", "single_s")
    bare_cpu = cpu_ms("engine")
    # A ratio of runs that follow each other is steadier than one of medians.
    paired = {
        key: statistics.median(
            theirs["single_s"] / mine[key]
            for mine, theirs in zip(answers["ours"], answers["engine"], strict=True)
        )
        for key in ("stream_s", "decoded_s", "single_s")
    }
    result: dict[str, Any] = {
        "frame": frame.name,
        "width_px": frame.width_px,
        "height_px": frame.height_px,
        "tiles": tiles,
        "engine": answers["ours"][0]["engine"],
        "ours_tiles_per_s": rate("ours", "stream_s"),
        "ours_one_frame_tiles_per_s": rate("ours", "single_s"),
        "ours_decoded_tiles_per_s": rate("ours", "decoded_s"),
        "engine_tiles_per_s": bare,
        "ours_to_engine": paired["stream_s"],
        "ours_decoded_to_engine": paired["decoded_s"],
        "ours_one_frame_to_engine": paired["single_s"],
        "ours_decode_s": statistics.median(answer["decode_s"] for answer in answers["ours"]),
        "peak_rss_mb": most("ours"),
        "engine_peak_rss_mb": most("engine"),
        "engine_cpu_ms_per_tile": bare_cpu,
        "ours_cpu_ms_per_tile": cpu_ms("ours"),
        "ours_decoded_cpu_ms_per_tile": cpu_ms("ours", "decoded_cpu_s"),
        "ours_to_engine_cpu": bare_cpu / cpu_ms("ours"),
        "ours_decoded_to_engine_cpu": bare_cpu / cpu_ms("ours", "decoded_cpu_s"),
    }
    for peer in PEERS:
        result[f"{peer}_tiles_per_s"] = rate(peer, "single_s")
        result[f"{peer}_peak_rss_mb"] = most(peer)
        result[f"{peer}_cpu_ms_per_tile"] = cpu_ms(peer)
        result[f"ours_to_{peer}"] = result["ours_tiles_per_s"] / result[f"{peer}_tiles_per_s"]
        result[f"ours_to_{peer}_cpu"] = cpu_ms(peer) / cpu_ms("ours")
    return {
        key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()
    }


def machine() -> dict[str, Any]:
    """What this ran on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "python": platform.python_version(),
    }


def tell(host: dict[str, Any], results: list[dict[str, Any]], seconds: float) -> None:
    """Print the table."""
    print(
        f"Image to boxes on {host['cpu']}, {host['cores']} cores, load {host['load']}; "
        "tiles a second, medians"
    )
    for result in results:
        print(
            f"\n{result['frame']}, {result['width_px']} x {result['height_px']}, "
            f"{result['tiles']} tiles, {result['engine']}"
        )
        print(f"  {'':<44}{'tiles/s':>9}{'of engine':>11}{'peak MB':>9}")
        bare = result["engine_tiles_per_s"]
        rows = [
            ("bare OpenVINO, tiles in memory", bare, 1.0, result["engine_peak_rss_mb"]),
            (
                "Vedette, JPEG to boxes, frames in a row",
                result["ours_tiles_per_s"],
                result["ours_to_engine"],
                result["peak_rss_mb"],
            ),
            (
                "Vedette, JPEG to boxes, one frame",
                result["ours_one_frame_tiles_per_s"],
                result["ours_one_frame_to_engine"],
                None,
            ),
            (
                "Vedette, decoded pixels to boxes",
                result["ours_decoded_tiles_per_s"],
                result["ours_decoded_to_engine"],
                None,
            ),
        ]
        for peer, label in PEERS.items():
            rate = result[f"{peer}_tiles_per_s"]
            rows.append(
                (f"{label}, JPEG to boxes", rate, rate / bare, result[f"{peer}_peak_rss_mb"])
            )
        for label, rate, share, memory in rows:
            told = f"{memory:>9.0f}" if memory is not None else f"{'':>9}"
            print(f"  {label:<44}{rate:>9.1f}{share:>11.2f}{told}")
        print(
            "  Vedette is "
            + ", ".join(
                f"{result[f'ours_to_{peer}']:.1f} times {label}" for peer, label in PEERS.items()
            )
        )
        print(
            f"  By processor time: {result['ours_to_engine_cpu']:.2f} of the engine, "
            f"{result['ours_decoded_to_engine_cpu']:.2f} without decoding; "
            + ", ".join(
                f"{result[f'ours_to_{peer}_cpu']:.1f} times {label}"
                for peer, label in PEERS.items()
            )
        )
    print(f"\nmeasured in {seconds:.0f} s")


def main() -> None:
    """Measure, print the table, and write the figures where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--json",
        type=Path,
        help="write the figures to this file: a list, one object per frame size",
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument(
        "--frames", nargs="+", choices=list(SIZES), default=list(SIZES), help="sizes of frames"
    )
    parser.add_argument("--data", type=Path, help="folder of real imagery")
    arguments = parser.parse_args()

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        frames = [
            frame
            for frame in make_frames(data_folder(arguments.data), folder)
            if frame.name in arguments.frames
        ]
        with (folder / "export.log").open("wb") as log:
            subprocess.run(
                [sys.executable, "-m", MODULE, "export", name], check=True, stdout=log, stderr=log
            )
        answers = measure(folder, frames, max(1, arguments.rounds))
    results = [summarise(frame, answers[frame.name]) for frame in frames]
    host = machine()
    tell(host, results, time.perf_counter() - began)
    if arguments.json:
        document = [result | {"machine": host} for result in results]
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
