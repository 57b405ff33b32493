"""Image to boxes: Vedette against sahi on torch and OpenVINO, supervision, and the bare engine.

All look at the same frames with the same weights, tiles and confidence, in turns, each in a
process of its own. A tile is one run of the network: the tiles of the frame, and the whole frame
reduced to one more. Beside the time on the clock stands the processor time of each, which other
work on the machine hardly changes: as many processor seconds a tile mean as many tiles a second
where the machine is left alone.

Where Vedette runs the graph of eight bits here, so does the bare engine; sahi and supervision run
what ultralytics exports of the same weights by default. So that nothing is hidden, Vedette and the
engine with floats, and sahi over the graph of eight bits, stand beside them.

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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.detection_contenders import (
    CONTENDERS,
    ONLY_WITH_INT8,
    OVERLAP,
    TILE_PX,
    runs_int8,
)
from benchmarks.detection_frames import SIZES, Frame, data_folder, make_frames
from models.tiles.tiling import tile_grid

MODULE = "benchmarks.detection_contenders"
PEERS = {
    "sahi_openvino": "sahi + OpenVINO",
    "sahi_openvino_int8": "sahi + OpenVINO, eight bits",
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

    def run(self, frame: Frame, *, warm: bool = False) -> dict[str, Any]:
        """What it measured on a frame; nothing of a warm run."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("a contender is talked to over pipes")
        self._process.stdin.write(f"{'-' if warm else ''}{frame.name}\n")
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


def contenders() -> list[str]:
    """What is compared on this machine."""
    return [name for name in CONTENDERS if name not in ONLY_WITH_INT8 or runs_int8()]


def measure(folder: Path, frames: list[Frame], rounds: int) -> dict[str, dict[str, list[Any]]]:
    """Answers by frame and contender: one warm run, then `rounds` in turns.

    Each size has processes of its own, so that a peak of memory is that of its size; all are
    warmed on the smallest.
    """
    names = contenders()
    answers: dict[str, dict[str, list[Any]]] = {
        frame.name: {name: [] for name in names} for frame in frames
    }
    for frame in frames:
        running = [Contender(name, folder) for name in names]
        try:
            for contender in running:
                contender.run(frames[0], warm=True)
            for _ in range(rounds):
                for contender in running:
                    answers[frame.name][contender.name].append(contender.run(frame))
        finally:
            for contender in running:
                contender.close()
    return answers


def summarise(frame: Frame, answers: dict[str, list[Any]]) -> dict[str, Any]:
    """Medians and ratios of one frame."""
    taken = _Taken(answers, len(tile_grid(frame.width_px, frame.height_px, TILE_PX, OVERLAP)) + 1)
    result: dict[str, Any] = {
        "frame": frame.name,
        "width_px": frame.width_px,
        "height_px": frame.height_px,
        "tiles": taken.tiles,
        "engine": answers["ours"][0]["engine"],
        "peak_rss_mb": taken.most_mb("ours"),
        "engine_peak_rss_mb": taken.most_mb("engine"),
    }
    for end in ("", "_float"):
        if f"ours{end}" in answers:
            result |= taken.beside_engine(f"ours{end}", f"engine{end}")
    for peer in PEERS:
        if peer in answers:
            result |= taken.beside_peer(peer)
    return {
        key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()
    }


class _Taken:
    """What the contenders took for one frame, over the rounds."""

    def __init__(self, answers: dict[str, list[Any]], tiles: int) -> None:
        self._answers = answers
        self.tiles = tiles

    def most_mb(self, name: str) -> float:
        """Its peak of memory."""
        return max(float(answer["peak_rss_mb"]) for answer in self._answers[name])

    def beside_engine(self, ours: str, engine: str) -> dict[str, float]:
        """Vedette and the bare engine with the same graph."""
        bare_cpu, cpu = self._cpu_ms(engine), self._cpu_ms(ours)
        decode_cpu, decoded_cpu = (
            self._cpu_ms(ours, key) for key in ("decode_cpu_s", "decoded_cpu_s")
        )
        return {
            f"{ours}_tiles_per_s": self._rate(ours, "stream_s"),
            f"{ours}_one_frame_tiles_per_s": self._rate(ours, "single_s"),
            f"{ours}_decoded_tiles_per_s": self._rate(ours, "decoded_s"),
            f"{engine}_tiles_per_s": self._rate(engine, "single_s"),
            f"{ours}_to_engine": self._paired(ours, engine, "stream_s"),
            f"{ours}_decoded_to_engine": self._paired(ours, engine, "decoded_s"),
            f"{ours}_one_frame_to_engine": self._paired(ours, engine, "single_s"),
            f"{ours}_decode_s": self._middle(ours, "decode_s"),
            f"{engine}_cpu_ms_per_tile": bare_cpu,
            f"{ours}_cpu_ms_per_tile": cpu,
            f"{ours}_decoded_cpu_ms_per_tile": decoded_cpu,
            f"{ours}_decode_cpu_ms_per_tile": decode_cpu,
            f"{ours}_to_engine_cpu": bare_cpu / cpu,
            f"{ours}_decoded_to_engine_cpu": bare_cpu / decoded_cpu,
            # What would be left where only decoding took processor time from the engine.
            f"{ours}_decode_bound": bare_cpu / (bare_cpu + decode_cpu),
        }

    def beside_peer(self, peer: str) -> dict[str, float]:
        """Another way to boxes, and how many times as fast Vedette is."""
        told = {
            f"{peer}_tiles_per_s": self._rate(peer, "single_s"),
            f"{peer}_peak_rss_mb": self.most_mb(peer),
            f"{peer}_cpu_ms_per_tile": self._cpu_ms(peer),
        }
        for ours in ("ours", "ours_float"):
            if ours in self._answers:
                rate = self._rate(ours, "stream_s")
                told[f"{ours}_to_{peer}"] = rate / told[f"{peer}_tiles_per_s"]
                told[f"{ours}_to_{peer}_cpu"] = self._cpu_ms(peer) / self._cpu_ms(ours)
        return told

    def _middle(self, name: str, key: str) -> float:
        return float(statistics.median(answer[key] for answer in self._answers[name]))

    def _rate(self, name: str, key: str) -> float:
        return self.tiles / self._middle(name, key)

    def _cpu_ms(self, name: str, key: str = "cpu_s") -> float:
        return self._middle(name, key) / self.tiles * 1e3

    def _paired(self, ours: str, engine: str, key: str) -> float:
        # A ratio of runs that follow each other is steadier than one of medians.
        pairs = zip(self._answers[ours], self._answers[engine], strict=True)
        return float(statistics.median(theirs["single_s"] / mine[key] for mine, theirs in pairs))


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
        print(f"  {'':<44}{'tiles/s':>9}{'of engine':>11}{'CPU ms/tile':>13}{'peak MB':>9}")
        for label, rate, share, cpu, memory in _rows(result):
            told = f"{memory:>9.0f}" if memory is not None else ""
            print(f"  {label:<44}{rate:>9.1f}{share:>11.2f}{cpu:>13.1f}{told}")
        for ours, label in (("ours", "Vedette"), ("ours_float", "Vedette with floats")):
            if f"{ours}_tiles_per_s" not in result:
                continue
            told_peers = {
                peer: words for peer, words in PEERS.items() if f"{ours}_to_{peer}" in result
            }
            print(
                f"  {label} is "
                + ", ".join(
                    f"{result[f'{ours}_to_{peer}']:.2f} times {words}"
                    for peer, words in told_peers.items()
                )
            )
            print(
                f"    by processor time: {result[f'{ours}_to_engine_cpu']:.3f} of the engine "
                f"(decoding alone leaves {result[f'{ours}_decode_bound']:.3f}), "
                f"{result[f'{ours}_decoded_to_engine_cpu']:.3f} without decoding; "
                + ", ".join(
                    f"{result[f'{ours}_to_{peer}_cpu']:.2f} times {words}"
                    for peer, words in told_peers.items()
                )
            )
    print(f"\nmeasured in {seconds:.0f} s")


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, float, float, float, float | None]]:
    """Of each contender its name, tiles a second, share of the engine, processor time, memory."""
    bare = result["engine_tiles_per_s"]
    for end, words in (("", ""), ("_float", " (floats)")):
        ours, engine = f"ours{end}", f"engine{end}"
        if f"{ours}_tiles_per_s" not in result:
            continue
        cpu, decoded_cpu = (result[f"{ours}{key}_cpu_ms_per_tile"] for key in ("", "_decoded"))
        yield (
            f"bare OpenVINO, tiles in memory{words}",
            result[f"{engine}_tiles_per_s"],
            1.0,
            result[f"{engine}_cpu_ms_per_tile"],
            None if end else result["engine_peak_rss_mb"],
        )
        for key, label, took in (
            ("", "JPEG to boxes, frames in a row", cpu),
            ("_one_frame", "JPEG to boxes, one frame", cpu),
            ("_decoded", "decoded pixels to boxes", decoded_cpu),
        ):
            yield (
                f"Vedette, {label}{words}",
                result[f"{ours}{key}_tiles_per_s"],
                result[f"{ours}{key}_to_engine"],
                took,
                None if end or key else result["peak_rss_mb"],
            )
    for peer, label in PEERS.items():
        if f"{peer}_tiles_per_s" in result:
            rate, cpu = result[f"{peer}_tiles_per_s"], result[f"{peer}_cpu_ms_per_tile"]
            yield label, rate, rate / bare, cpu, result[f"{peer}_peak_rss_mb"]


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
