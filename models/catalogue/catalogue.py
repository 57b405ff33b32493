"""The models that this installation knows, and the only way to open one.

A weight file is read once, checked against the hash its card pins, and handed to the engine as
bytes: what was checked is what runs. Importing this module loads no engine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self, get_args

from models.catalogue.atomic_folder import held, write_folder
from models.catalogue.card_file import CARD_FILE, read_card
from models.catalogue.model_card import ModelCard
from models.detector import Detector
from models.engines.accelerator import has_int8_arithmetic, has_nvidia_gpu
from models.errors import EngineError, ModelRefusedError

EngineName = Literal["auto", "openvino", "openvino-int8", "openvino-float", "ultralytics"]
"""What a person may ask for: "openvino" takes eight bits where model and processor have them."""

ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)

INT8 = "-int8"
"""How the name of a graph of eight bits ends, before its suffix."""

DEFAULT_MODEL = "vedette-n"

SHIPPED = Path(__file__).parents[1] / "shipped"
PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
_INSTALL = {
    "openvino": "install vedette with the extra `service`",
    "ultralytics": "install vedette with the extra `ultralytics`",
}


class CatalogueEntry:
    """One version of a model: its card and the folder of its weights."""

    def __init__(self, folder: Path) -> None:
        """Read the card; weights are read when the model is opened.

        Raises:
            ModelRefusedError: the card is missing or wrong, pins what is never read, or the folder
                holds a file that the card does not pin.
        """
        self.folder = folder
        self.card: ModelCard = read_card(folder)
        for name in sorted(self.card.sha256):
            # A name that is a path could lead outside the folder.
            if Path(name).name != name or Path(name).suffix.lower() in PICKLES:
                raise ModelRefusedError(f"{self.card.name}: {_why_refused(Path(name))}")
        for path in sorted(folder.iterdir()):
            if path.name != CARD_FILE and path.name not in self.card.sha256:
                raise ModelRefusedError(f"{self.card.name}: {_why_refused(path)}")

    @property
    def label(self) -> str:
        """Name and version as one word, such as "vedette-n@1.0.0"."""
        return self.card.label

    def engines(self) -> tuple[EngineName, ...]:
        """Engines that the pinned files serve, the preferred first."""
        served: list[EngineName] = []
        if self.graphs():
            served.append("openvino")
        if ".safetensors" in {Path(name).suffix for name in self.card.sha256}:
            served.append("ultralytics")
        return tuple(served)

    def graphs(self) -> tuple[str, ...]:
        """OpenVINO graphs that are pinned, "int8" or "float"; what runs here first."""
        found = []
        for graph in ("int8", "float") if has_int8_arithmetic() else ("float", "int8"):
            wanted = {".xml", ".bin"}
            if wanted <= {Path(name).suffix for name in self._names(int8=graph == "int8")}:
                found.append(graph)
        return tuple(found)

    def read(self, suffix: str, *, int8: bool = False) -> tuple[str, bytes]:
        """Name and verified bytes of the weight file that has a suffix.

        Args:
            suffix: ".xml", ".bin" or ".safetensors".
            int8: of the graph of eight bits.

        Raises:
            ModelRefusedError: the card pins no such file, or it is not what the card pins.
        """
        for name in self._names(int8=int8):
            if Path(name).suffix == suffix:
                return name, self._read_verified(name)
        which = f"{INT8}{suffix}" if int8 else suffix
        raise ModelRefusedError(f"{self.card.name}: the catalogue pins no {which} file")

    def _names(self, *, int8: bool) -> list[str]:
        """Pinned files of the graph of eight bits, or all others."""
        return [name for name in sorted(self.card.sha256) if Path(name).stem.endswith(INT8) is int8]

    def verify(self) -> None:
        """Check every weight file against its hash.

        Raises:
            ModelRefusedError: naming the first that differs.
        """
        for name in sorted(self.card.sha256):
            self._read_verified(name)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Names and bytes of everything that the model is: its verified weights and its card.

        Raises:
            ModelRefusedError: a file is not what the card pins.
        """
        for name in sorted(self.card.sha256):
            yield name, self._read_verified(name)
        yield CARD_FILE, (self.folder / CARD_FILE).read_bytes()

    def _read_verified(self, name: str) -> bytes:
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise ModelRefusedError(
                f"{self.card.name}: {name} cannot be read: {error.strerror}"
            ) from error
        expected, found = self.card.sha256[name], hashlib.sha256(data).hexdigest()
        if found != expected:
            raise ModelRefusedError(
                f"{self.card.name}: {name} is not the file of the catalogue: "
                f"SHA-256 expected {expected}, found {found}"
            )
        return data

    def open(self, engine: EngineName = "auto", threads: int | None = None) -> Detector:
        """The model on an engine, ready to detect.

        Args:
            engine: "auto" takes ultralytics where torch can compute on a GPU, else OpenVINO;
                "openvino" the graph of eight bits where the model has one and the processor
                computes with them, else that of floats.
            threads: CPU threads to use; None for all.

        Raises:
            ModelRefusedError: a file is not what the card pins, or none serves this engine.
            EngineError: the engine is not installed or does not start.
        """
        from models.tiles.tiled_detector import TiledDetector

        card = self.card
        chosen = self._choose(engine)
        if chosen != "ultralytics":
            int8 = chosen == "openvino-int8"
            graph_name, graph = self.read(".xml", int8=int8)
            weights_name, weights = self.read(".bin", int8=int8)
            from models.engines.openvino_engine import OpenVinoEngine

            return TiledDetector(
                OpenVinoEngine(
                    name=card.name,
                    graph=graph,
                    weights=weights,
                    sha256={name: card.sha256[name] for name in (graph_name, weights_name)},
                    class_map=card.class_map,
                    input_px=card.input_px,
                    car_px=card.car_px,
                    threads=threads,
                ),
                version=card.version,
                thresholds=card.thresholds,
            )
        weights_name, weights = self.read(".safetensors")
        from models.engines.ultralytics_engine import UltralyticsEngine

        return TiledDetector(
            UltralyticsEngine(
                name=card.name,
                weights=weights,
                sha256={weights_name: card.sha256[weights_name]},
                class_map=card.class_map,
                input_px=card.input_px,
                car_px=card.car_px,
                threads=threads,
            ),
            version=card.version,
            thresholds=card.thresholds,
        )

    def _choose(self, engine: EngineName) -> EngineName:
        """The engine to open, which is installed and which the files serve."""
        served, graphs = self.engines(), self.graphs()
        if engine == "auto":
            if "ultralytics" in served and _can_use_gpu():
                return "ultralytics"
            here = [name for name in served if find_spec(name)]
            if not here:
                raise EngineError(f"no engine for {self.card.name} here: {_INSTALL['openvino']}")
            engine = here[0]
        name, _, graph = engine.partition("-")
        if name not in served or (graph and graph not in graphs):
            raise ModelRefusedError(f"{self.card.name}: no file serves the engine {engine!r}")
        if find_spec(name) is None:
            raise EngineError(f"the engine {name} is not here: {_INSTALL[name]}")
        if name == "ultralytics":
            return "ultralytics"
        return "openvino-int8" if (graph or graphs[0]) == "int8" else "openvino-float"


def _can_use_gpu() -> bool:
    """Whether the second engine is installed and would run on a GPU."""
    if not has_nvidia_gpu() or find_spec("ultralytics") is None or find_spec("torch") is None:
        return False
    from models.engines.ultralytics_engine import computes_on_gpu

    return computes_on_gpu()


class Catalogue:
    """Versions of models by name and version.

    Attributes:
        refused: why a folder of the installation holds no model, by the folder's name. One that
            is damaged shall not keep the service from working with the others.
    """

    def __init__(
        self,
        entries: Iterable[CatalogueEntry],
        refused: Mapping[str, ModelRefusedError] | None = None,
    ) -> None:
        """Raise ModelRefusedError where two models have one name and version."""
        self.refused: dict[str, ModelRefusedError] = dict(refused or {})
        self._entries: dict[str, CatalogueEntry] = {}
        for entry in entries:
            if self._entries.setdefault(entry.label, entry) is not entry:
                raise ModelRefusedError(f"two models are called {entry.label}")

    @classmethod
    def shipped(cls) -> Self:
        """The models that come with Vedette."""
        return cls.load(SHIPPED)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The models in the folders of a folder, each with its card.

        Raises:
            ModelRefusedError: a card is missing or wrong, or a file is there that no card pins.
        """
        return cls([CatalogueEntry(child) for child in _folders(folder)])

    @classmethod
    def installed(cls, folder: Path) -> Self:
        """The shipped models, and those that were added to a folder; it may be missing.

        A folder there that holds no model is told in `refused`. A version that is shipped as well
        is the shipped one.

        Raises:
            ModelRefusedError: a shipped model is damaged, or the folder cannot be read.
        """
        entries = {entry.label: entry for entry in cls.shipped().entries}
        refused: dict[str, ModelRefusedError] = {}
        for child in _folders(folder) if folder.exists() else []:
            try:
                entry = CatalogueEntry(child)
            except ModelRefusedError as error:
                refused[child.name] = error
                continue
            entries.setdefault(entry.label, entry)
        return cls(entries.values(), refused)

    @property
    def entries(self) -> tuple[CatalogueEntry, ...]:
        """Every model, by name, the newest version of each first."""
        newest = sorted(
            self._entries.values(), key=lambda one: version_order(one.card.version), reverse=True
        )
        return tuple(sorted(newest, key=lambda one: one.card.name))

    def standing(self, name: str = DEFAULT_MODEL) -> CatalogueEntry:
        """A model by "name@version"; of a name alone the version that no adding changes.

        That is the shipped one, or the oldest where none is shipped: what is added comes into use
        when a person says so.

        Raises:
            ModelRefusedError: the catalogue does not know it.
        """
        named = [entry for entry in self.entries if entry.card.name == name]
        shipped = [entry for entry in named if entry.folder.parent == SHIPPED]
        return (shipped or named[-1:] or [self.entry(name)])[0]

    def entry(self, name: str | None = None) -> CatalogueEntry:
        """A model by "name@version", or the newest version of a name; the default without one.

        Raises:
            ModelRefusedError: the catalogue does not know it.
        """
        if name is None:
            return self.standing()
        wanted = name
        for entry in self.entries:
            if wanted in {entry.label, entry.card.name}:
                return entry
        if wanted in self.refused:
            raise self.refused[wanted]
        if Path(wanted).suffix.lower() in PICKLES:
            raise ModelRefusedError(_why_refused(Path(wanted)))
        known = ", ".join(entry.label for entry in self.entries) or "none"
        raise ModelRefusedError(f"no model {wanted!r} in the catalogue; there are: {known}")

    def open_detector(
        self,
        name: str | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> Detector:
        """A model of this catalogue on an engine; see `CatalogueEntry.open`."""
        return self.entry(name).open(engine, threads)


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts versions as people do: 1.10 after 1.9, and 1.0-rc1 before 1.0."""
    release, _, after = version.partition("-")
    parts = [_part(word) for word in re.findall(r"\d+|[A-Za-z]+", release)]
    # What is only on its way to a release comes before it.
    if after:
        parts.append((-1, 0, ""))
        parts.extend(_part(word) for word in re.findall(r"\d+|[A-Za-z]+", after))
    else:
        parts.append((0, 0, ""))
    return tuple(parts)


def _part(word: str) -> tuple[int, int, str]:
    return (2, int(word), "") if word.isdigit() else (1, 0, word)


def _folders(folder: Path) -> list[Path]:
    """The folders in a catalogue's folder; what begins with a dot is none of its models.

    Raises:
        ModelRefusedError: it cannot be read, or a file lies there.
    """
    try:
        children = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ModelRefusedError(f"no catalogue at {folder}: {error.strerror}") from error
    for child in children:
        if not child.is_dir():
            raise ModelRefusedError(f"{folder.name}: {_why_refused(child)}")
    return children


def add_model(folder: Path, catalogue_dir: Path) -> CatalogueEntry:
    """Copy a model into a catalogue's folder, whole or not at all.

    Adding again what is there changes nothing.

    Args:
        folder: holds `card.toml` and the files whose SHA-256 the card pins, and no others.
        catalogue_dir: the folder of the installation; made where it is missing.

    Returns:
        The entry in the catalogue; it serves `Catalogue.installed(catalogue_dir)` from now on.

    Raises:
        ModelRefusedError: the card is wrong, a file is not the one it pins, no engine is served,
            or another model has the same name and version.
        OSError: the folder cannot be written.
    """
    entry = CatalogueEntry(folder)
    entry.verify()
    if not entry.engines():
        raise ModelRefusedError(
            f"{entry.label}: no engine runs {', '.join(sorted(entry.card.sha256))}; a model is "
            "OpenVINO IR (.xml with .bin), .safetensors, or both"
        )
    with held(catalogue_dir):
        for known in Catalogue.installed(catalogue_dir).entries:
            if known.label != entry.label:
                continue
            if known.card.sha256 == entry.card.sha256:
                known.verify()
                return known
            raise ModelRefusedError(
                f"another model is {entry.label} already; give these weights another version",
                field="version",
            )
        if (catalogue_dir / entry.label).exists():
            raise ModelRefusedError(
                f"{catalogue_dir / entry.label} is there and holds no model of the catalogue; "
                "look at it and remove it"
            )
        return CatalogueEntry(write_folder(catalogue_dir, entry.label, entry.files()))


def open_detector(
    name: str | None = None, engine: EngineName = "auto", threads: int | None = None
) -> Detector:
    """A shipped model on an engine; see `CatalogueEntry.open`."""
    return Catalogue.shipped().open_detector(name, engine, threads)


def _why_refused(path: Path) -> str:
    """Why a file is refused that no card pins, or that is never read."""
    if path.suffix.lower() in PICKLES:
        return (
            f"{path.name} is refused: it is a pickle, which runs code when it is loaded; "
            "`vedette model add` converts such weights where they can do no harm"
        )
    return f"{path.name} is refused: no card of the catalogue pins it"
