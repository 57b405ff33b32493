"""How much memory and time a raster takes, and that neither grows with it.

`python -m benchmarks.raster [--json FILE] [--with-detector] [--megapixels N ...]`. Cloud-optimised
GeoTIFFs of 100 megapixels and of 2 gigapixels are written window by window into a temporary folder
(some 0.6 GB), and each goes through the whole assessment in a process of its own: read, cut into
tiles, georeferenced, weighed, drawn. The network is stubbed by default, for it alone takes some
minutes for each 100 megapixels on two cores: the stub reads every tile and reports one box in it.
`read` is reading and tiling alone, `assess` all of it. Processor time decides, so that a busy
machine does not; the picture and the overlays cost the same for every raster.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window

from models.catalogue.catalogue import open_detector
from models.detections import Detections
from models.detector import DetectionParameters, Detector, DetectorIdentity
from models.tiles.tiled_detector import TiledDetector
from pipelines.assess import assess
from pipelines.assessment import AssessmentRequest, Provenance
from pipelines.geometry.elevation import TerrainSource
from pipelines.imagery.raster_source import open_source

MEMORY_LIMIT_GB = 1.5
RATIO_LIMIT = 1.15
_BLOCK_PX = 512
_STEP_PX = 8 * _BLOCK_PX


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One raster.

    Attributes:
        megapixels: width times height.
        file_mb: size of the file, millions of bytes.
        tiles: how many were looked at.
        read_s: reading and tiling, by the clock.
        read_ns_per_pixel: the same for each pixel, of the processor.
        assess_s: the whole assessment, by the clock.
        assess_ns_per_pixel: the same for each pixel, of the processor.
        peak_gb: largest resident memory of the process, thousands of millions of bytes.
    """

    megapixels: float
    file_mb: float
    tiles: int
    read_s: float
    read_ns_per_pixel: float
    assess_s: float
    assess_ns_per_pixel: float
    peak_gb: float


class StubEngine:
    """Reads every tile and reports one box where it is brightest."""

    def __init__(self) -> None:
        self.tiles = 0
        self.identity = DetectorIdentity(
            name="stub", engine="none", sha256={}, categories=("car",), input_px=640
        )

    def infer(self, tiles: Iterable[NDArray[np.uint8]], min_confidence: float) -> list[Detections]:
        """One box for each tile."""
        found = []
        for tile in tiles:
            self.tiles += 1
            y, x = divmod(int(tile[::8, ::8, 1].argmax()), 80)
            box = np.array([[8 * x, 8 * y, 8 * x + 24, 8 * y + 12]], np.float32)
            found.append(
                Detections(
                    xyxy=np.minimum(box, 640.0),
                    confidence=np.array([max(min_confidence, 0.5)], np.float32),
                    class_id=np.zeros(1, np.int32),
                )
            )
        return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--with-detector", action="store_true", help="with the shipped network")
    parser.add_argument("--megapixels", type=int, nargs="+", default=[100, 2_000])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        row = measure(arguments.one, with_detector=arguments.with_detector)
        print(json.dumps(asdict(row)))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in arguments.megapixels:
            path = Path(folder) / f"{megapixels}.tif"
            write_cog(path, round((megapixels * 1e6) ** 0.5))
            command = [sys.executable, "-m", "benchmarks.raster", "--one", str(path)]
            if arguments.with_detector:
                command.append("--with-detector")
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append(json.loads(said.splitlines()[-1]))
            path.unlink()
            print(json.dumps(rows[-1]), flush=True)
    ratios = {
        name: rows[-1][f"{name}_ns_per_pixel"] / rows[0][f"{name}_ns_per_pixel"]
        for name in ("read", "assess")
    }
    peak_gb = max(row["peak_gb"] for row in rows)
    fits = peak_gb < MEMORY_LIMIT_GB and ratios["read"] <= RATIO_LIMIT
    print(
        f"time per pixel, largest over smallest: reading and tiling {ratios['read']:.2f}, "
        f"all {ratios['assess']:.2f}; peak {peak_gb:.2f} GB; {'holds' if fits else 'FAILS'}"
    )
    if arguments.json:
        figures = {"machine": platform.processor() or platform.machine(), "rows": rows}
        arguments.json.write_text(json.dumps(figures | {"ratios": ratios}, indent=2) + "\n")
    return 0 if fits else 1


def measure(path: Path, *, with_detector: bool) -> Row:
    """One raster in this process."""
    engine = StubEngine()
    with open_source(path) as source:
        pixels = source.width_px * source.height_px
        # Once before the clock starts: the first tiles wait for libraries.
        source.read_window(0, 0, min(_STEP_PX, source.width_px), min(640, source.height_px))
        start, spent = time.perf_counter(), time.process_time()
        TiledDetector(engine).detect_windows(source, DetectionParameters())
        read_s, read_cpu_s = time.perf_counter() - start, time.process_time() - spent
    tiles = engine.tiles
    detector: Detector = TiledDetector(engine)
    if with_detector:
        detector = open_detector("vedette-n")
    start, spent = time.perf_counter(), time.process_time()
    found = assess(_request(path), detector=detector, terrain=TerrainSource(None))
    assess_s, assess_cpu_s = time.perf_counter() - start, time.process_time() - spent
    if any(point.latitude_deg is None for point in found.ground):
        raise SystemExit("a detection has no place")
    # Linux tells kibibytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Row(
        megapixels=pixels / 1e6,
        file_mb=path.stat().st_size / 1e6,
        tiles=tiles,
        read_s=read_s,
        read_ns_per_pixel=read_cpu_s / pixels * 1e9,
        assess_s=assess_s,
        assess_ns_per_pixel=assess_cpu_s / pixels * 1e9,
        peak_gb=peak / 1e9,
    )


def write_cog(path: Path, side_px: int) -> None:
    """A square GeoTIFF of ground-like noise with objects, in JPEG tiles with overviews."""
    random = np.random.default_rng(7)
    # One piece of ground, rolled anew for every window: noise of two billion pixels takes minutes.
    coarse = random.normal(110, 18, (_STEP_PX // 16, _STEP_PX // 16))
    ground = np.kron(coarse, np.ones((16, 16))) + random.normal(0, 4, (_STEP_PX, _STEP_PX))
    piece = np.clip(ground, 0, 255).astype(np.uint8)
    options: dict[str, Any] = {
        "driver": "GTiff",
        "width": side_px,
        "height": side_px,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32636",
        "transform": rasterio.Affine(0.1, 0, 700_000, 0, -0.1, 3_675_000),
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
        "compress": "JPEG",
        "photometric": "YCBCR",
        "BIGTIFF": "YES",
        "NUM_THREADS": "ALL_CPUS",
    }
    with rasterio.Env(GDAL_CACHEMAX=256), rasterio.open(path, "w", **options) as dataset:
        for top in range(0, side_px, _STEP_PX):
            for left in range(0, side_px, _STEP_PX):
                height, width = min(_STEP_PX, side_px - top), min(_STEP_PX, side_px - left)
                turned = np.roll(piece, random.integers(0, _STEP_PX, 2), axis=(0, 1))
                part = turned[:height, :width].copy()
                for y, x in random.integers(0, (height, width), (20, 2)):
                    part[y : y + 20, x : x + 45] = 235
                window = Window(left, top, width, height)
                dataset.write(np.stack([part] * 3), window=window)
    with rasterio.Env(GDAL_CACHEMAX=256), rasterio.open(path, "r+") as dataset:
        factors = [2**level for level in range(1, 9) if side_px >> level >= _BLOCK_PX // 2]
        dataset.build_overviews(factors, Resampling.average)


def _request(path: Path) -> AssessmentRequest:
    return AssessmentRequest(
        provenance=Provenance(
            mission_id="bench",
            pledge_id="bench",
            contributor="XXX",  # of no state: user-assigned in ISO 3166
            sortie_id="bench",
            imagery_id="bench",
            file_name=path.name,
            sha256="00" * 32,
            marking="UNCLASSIFIED",
        ),
        data=b"",
        path=path,
        stated_pose=None,
        stated_captured_at=None,
        positions=(),
        rules=(),
        parameters=DetectionParameters(),
        software_version="bench",
    )


if __name__ == "__main__":
    sys.exit(main())
