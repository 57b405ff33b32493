"""The models that this installation knows, and the only way to open one.

A weight file is read once, checked against the hash its card pins, and handed to the engine as
bytes: what was checked is what runs. Importing this module loads no engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

from models.detector import Detector
from models.errors import EngineError, ModelRefusedError
from models.model_card import CARD_FILE, ModelCard, read_card

EngineName = Literal["auto", "openvino", "ultralytics"]

DEFAULT_MODEL = "vedette-n"

_SHIPPED = Path(__file__).parent / "shipped"
_PICKLES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
_INSTALL = {
    "openvino": "install vedette with the extra `service`",
    "ultralytics": "install vedette with the extra `ultralytics`",
}


class CatalogueEntry:
    """One model: its card and the folder of its weights."""

    def __init__(self, folder: Path) -> None:
        """Read the card; weights are read when the model is opened.

        Raises:
            ModelRefusedError: the card is missing or wrong, pins what is never read, or the folder
                holds a file that the card does not pin.
        """
        self._folder = folder
        self.card: ModelCard = read_card(folder)
        for name in sorted(self.card.sha256):
            # A name that is a path could lead outside the folder.
            if Path(name).name != name or Path(name).suffix.lower() in _PICKLES:
                raise ModelRefusedError(f"{self.card.name}: {_why_refused(Path(name))}")
        for path in sorted(folder.iterdir()):
            if path.name != CARD_FILE and path.name not in self.card.sha256:
                raise ModelRefusedError(f"{self.card.name}: {_why_refused(path)}")

    def engines(self) -> tuple[str, ...]:
        """Engines that the pinned files serve, the preferred first."""
        served = []
        if {".xml", ".bin"} <= {Path(name).suffix for name in self.card.sha256}:
            served.append("openvino")
        if ".safetensors" in {Path(name).suffix for name in self.card.sha256}:
            served.append("ultralytics")
        return tuple(served)

    def read(self, suffix: str) -> tuple[str, bytes]:
        """Name and verified bytes of the weight file that has a suffix.

        Raises:
            ModelRefusedError: the card pins no such file, or it is not what the card pins.
        """
        for name in sorted(self.card.sha256):
            if Path(name).suffix == suffix:
                return name, self._read_verified(name)
        raise ModelRefusedError(f"{self.card.name}: the catalogue pins no {suffix} file")

    def verify(self) -> None:
        """Check every weight file against its hash.

        Raises:
            ModelRefusedError: naming the first that differs.
        """
        for name in sorted(self.card.sha256):
            self._read_verified(name)

    def _read_verified(self, name: str) -> bytes:
        try:
            data = (self._folder / name).read_bytes()
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
            engine: "auto" takes OpenVINO where it is installed.
            threads: CPU threads to use; None for all.

        Raises:
            ModelRefusedError: a file is not what the card pins, or none serves this engine.
            EngineError: the engine is not installed or does not start.
        """
        from models.tiled_detector import TiledDetector

        card = self.card
        chosen = self._choose(engine)
        if chosen == "openvino":
            graph_name, graph = self.read(".xml")
            weights_name, weights = self.read(".bin")
            from models.openvino_engine import OpenVinoEngine

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
                )
            )
        weights_name, weights = self.read(".safetensors")
        from models.ultralytics_engine import UltralyticsEngine

        return TiledDetector(
            UltralyticsEngine(
                name=card.name,
                weights=weights,
                sha256={weights_name: card.sha256[weights_name]},
                class_map=card.class_map,
                input_px=card.input_px,
                car_px=card.car_px,
                threads=threads,
            )
        )

    def _choose(self, engine: EngineName) -> str:
        """The engine to open, which is installed and which the files serve."""
        served = self.engines()
        if engine == "auto":
            for name in served:
                if find_spec(name):
                    return name
            raise EngineError(f"no engine for {self.card.name} here: {_INSTALL['openvino']}")
        if engine not in served:
            raise ModelRefusedError(f"{self.card.name}: no file serves the engine {engine!r}")
        if find_spec(engine) is None:
            raise EngineError(f"the engine {engine} is not here: {_INSTALL[engine]}")
        return engine


class Catalogue:
    """Models by name."""

    def __init__(self, entries: Iterable[CatalogueEntry]) -> None:
        """Raise ModelRefusedError where two models have one name."""
        self._entries: dict[str, CatalogueEntry] = {}
        for entry in entries:
            if self._entries.setdefault(entry.card.name, entry) is not entry:
                raise ModelRefusedError(f"two models are called {entry.card.name}")

    @classmethod
    def shipped(cls) -> Self:
        """The models that come with Vedette."""
        return cls.load(_SHIPPED)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The models in the folders of a folder, each with its card.

        Raises:
            ModelRefusedError: a card is missing or wrong, or a file is there that no card pins.
        """
        entries = []
        try:
            children = sorted(folder.iterdir())
        except OSError as error:
            raise ModelRefusedError(f"no catalogue at {folder}: {error.strerror}") from error
        for child in children:
            if not child.is_dir():
                raise ModelRefusedError(f"{folder.name}: {_why_refused(child)}")
            entries.append(CatalogueEntry(child))
        return cls(entries)

    @property
    def entries(self) -> tuple[CatalogueEntry, ...]:
        """Every model, by name."""
        return tuple(self._entries[name] for name in sorted(self._entries))

    def entry(self, name: str | None = None) -> CatalogueEntry:
        """The model of a name; the default one without a name.

        Raises:
            ModelRefusedError: the catalogue does not know it.
        """
        wanted = name or DEFAULT_MODEL
        try:
            return self._entries[wanted]
        except KeyError:
            if Path(wanted).suffix.lower() in _PICKLES:
                raise ModelRefusedError(_why_refused(Path(wanted))) from None
            known = ", ".join(sorted(self._entries)) or "none"
            raise ModelRefusedError(
                f"no model {wanted!r} in the catalogue; there are: {known}"
            ) from None

    def open_detector(
        self,
        name: str | None = None,
        engine: EngineName = "auto",
        threads: int | None = None,
    ) -> Detector:
        """A model of this catalogue on an engine; see `CatalogueEntry.open`."""
        return self.entry(name).open(engine, threads)


def open_detector(
    name: str | None = None, engine: EngineName = "auto", threads: int | None = None
) -> Detector:
    """A shipped model on an engine; see `CatalogueEntry.open`."""
    return Catalogue.shipped().open_detector(name, engine, threads)


def _why_refused(path: Path) -> str:
    """Why a file is refused that no card pins, or that is never read."""
    if path.suffix.lower() in _PICKLES:
        return (
            f"{path.name} is refused: it is a pickle, which runs code when it is loaded; "
            "convert weights you trust with deploy/convert_weights.py"
        )
    return f"{path.name} is refused: no card of the catalogue pins it"
