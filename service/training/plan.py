"""Everything that one training is told; the same plan goes on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from models.catalogue.atomic_folder import replace_file
from models.errors import InvalidInputError
from models.training.pieces import Kind
from models.training.recipe import ClassRecipe, Recipe

PLAN_FILE = "plan.json"

SHARES: Mapping[Kind, float] = MappingProxyType(
    {
        "colour": 0.38,
        "thermal": 0.24,
        "empty": 0.16,
        "dismissed": 0.05,
        "rendered": 0.07,
        "rendered_empty": 0.1,
    }
)
"""How much of a batch is of each kind; a kind of which there is nothing leaves its share."""

CLASS_SHARES: Mapping[Kind, float] = MappingProxyType(
    {
        "colour": 0.34,
        "thermal": 0.19,
        "empty": 0.13,
        "dismissed": 0.05,
        "rendered": 0.1,
        "rendered_empty": 0.19,
    }
)
"""The same for the class branches: what an object is called asks for more that is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a training is made of.

    Attributes:
        name: of the model that comes of it.
        version: of its weights.
        license: SPDX identifier of its weights.
        start: "name@version" of the model that learns on.
        start_sha256: of its weights, so that the same plan is the same start.
        data: labelled sets to learn from.
        classes: for YOLO sets without names: category, group or "ignore" of each class number.
        validation: labelled sets to measure on; never learned from.
        hold_out: beginnings of file names; such images of any set are measured on, too.
        empty: sets or folders of images that show nothing to be found.
        dismissed: folders of dismissed chips.
        rendered: pictures of made-up ground with vehicles and people.
        rendered_empty: the same without any.
        sources: what it learns from and under which terms, for the card.
        recipe: how it is taught.
        shares: how much of a batch is of each kind.
        class_recipe: how the class branches are taught after that.
        class_shares: how much of that is of each kind.
    """

    name: str
    version: str
    license: str
    start: str
    start_sha256: str
    data: tuple[Path, ...]
    validation: tuple[Path, ...]
    sources: tuple[str, ...]
    recipe: Recipe
    classes: tuple[str, ...] = ()
    hold_out: tuple[str, ...] = ()
    empty: tuple[Path, ...] = ()
    dismissed: tuple[Path, ...] = ()
    rendered: int = 0
    rendered_empty: int = 0
    shares: Mapping[Kind, float] = field(default_factory=lambda: dict(SHARES))
    class_recipe: ClassRecipe = field(default_factory=lambda: ClassRecipe(steps=0))
    class_shares: Mapping[Kind, float] = field(default_factory=lambda: dict(CLASS_SHARES))

    def text(self) -> str:
        """The plan as JSON."""
        return json.dumps(asdict(self), default=str, sort_keys=True, indent=2) + "\n"

    def begin(self, work: Path) -> bool:
        """Note the plan in a work folder, or find it there.

        Returns:
            Whether it was there, so that what the folder holds is of this plan.

        Raises:
            InvalidInputError: the folder holds another plan, or something else.
            OSError: it cannot be written.
        """
        file = work / PLAN_FILE
        if file.is_file():
            noted = file.read_text(encoding="utf-8")
            if noted == self.text():
                return True
            known, told = json.loads(noted), json.loads(self.text())
            differing = sorted(key for key in told if known.get(key) != told[key])
            raise InvalidInputError(
                f"{work} holds a training with another {', '.join(differing)}; give the same "
                "command to go on with it, or another --work",
                field="work",
            )
        if work.exists() and any(work.iterdir()):
            raise InvalidInputError(f"{work} is not empty and holds no training", field="work")
        work.mkdir(parents=True, exist_ok=True)
        replace_file(file, self.text().encode())
        return False
