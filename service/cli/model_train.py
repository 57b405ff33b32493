"""`vedette model train`: teach a model on images of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.catalogue.catalogue import Catalogue
from models.catalogue.model_card import NAME, VERSION
from models.errors import InvalidInputError
from models.training.recipe import ClassRecipe, Recipe, Step
from models.wording import counted
from service.cli.model_catalogue import find_entry, in_catalogue
from service.cli.output import as_json, console, print_document, print_table
from service.clock import utc_now
from service.training.plan import Plan

_folder = click.Path(path_type=Path, exists=True)


@click.command("train")
@click.argument("name", metavar="NAME@VERSION")
@click.option(
    "--data",
    type=_folder,
    multiple=True,
    required=True,
    help="Labelled images to learn from: a folder, a COCO JSON or a data.yaml (its training "
    "images), as for `evaluate`. Repeatable.",
)
@click.option(
    "--validation",
    type=_folder,
    multiple=True,
    help="Labelled images to measure on, never learned from; a data.yaml gives its validation "
    "images. Repeatable.",
)
@click.option(
    "--hold-out",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Beginnings of file names, one a line: such images are measured on, not learned from.",
)
@click.option(
    "--empty",
    type=_folder,
    multiple=True,
    help="Images that show nothing to be found; what labels beside them mark is left out. "
    "Repeatable.",
)
@click.option(
    "--dismissed",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    metavar="FOLDER",
    help="Chips of incidents that operators dismissed, with negatives.jsonl (`vedette export "
    "hard-negatives`). Repeatable.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    metavar="TEXT",
    help='What the images are and under which terms, for the card: "Flights of May; ours". '
    "Repeatable.",
)
@click.option(
    "--classes",
    metavar="NAME,NAME,...",
    help="For YOLO labels without names: category, group or `ignore` of each class number.",
)
@click.option(
    "--rendered",
    type=click.IntRange(0, 3999),
    default=100,
    show_default=True,
    help="Pictures of made-up ground with vehicles and people to learn from.",
)
@click.option(
    "--rendered-empty",
    type=click.IntRange(0, 3000),
    default=150,
    show_default=True,
    help="Pictures of made-up ground with shrubs, rocks, furrows and tracks only; half as many "
    "more are kept apart.",
)
@click.option(
    "--from", "start", metavar="NAME", help="The model that learns on.  [default: vedette-n]"
)
@click.option("--license", "license_id", metavar="SPDX", help="Of the result.  [default: as start]")
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=1500,
    show_default=True,
    help="Batches to learn from.",
)
@click.option(
    "--batch", type=click.IntRange(1, 512), default=16, show_default=True, help="Tiles in a batch."
)
@click.option(
    "--tile-px",
    type=click.IntRange(64, 1280),
    default=224,
    show_default=True,
    help="Side of a tile that is learned from, pixels; a multiple of 32.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 0.1, min_open=True),
    default=1e-4,
    show_default=True,
    help="Learning rate of AdamW at its height.",
)
@click.option(
    "--frozen-layers",
    type=click.IntRange(0, 22),
    default=5,
    show_default=True,
    help="Layers from the input on that stay as they are.",
)
@click.option(
    "--class-steps",
    type=click.IntRange(0),
    default=400,
    show_default=True,
    help="Batches for the class branches alone, after that; 0 leaves them.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all chance.")
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for what is kept on the way; the same command goes on with it.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads to use.  [default: all]")
@in_catalogue
@as_json
def train_model(catalogue_dir: Path, json_output: bool, **options: Any) -> None:
    """Teach a model on images of your own, and add the result to the catalogue.

    The model learns on from one that is there. Give labelled images (--data), images that show
    nothing to be found (--empty), and what operators dismissed as vegetation, animal or artefact
    (--dismissed); made-up ground is added. Photographs whose metadata or ground.tsv tell how large
    a pixel is on the ground are brought to the scale that the model's card allows. Some images are
    kept apart (--validation, --hold-out): one half decides how much of what was learned is kept,
    the other tells how good the result is. At the end what names things is taught once more on its
    own (--class-steps), where that helps.

    Training takes hours without a GPU. It may be stopped at any time: the same command goes on
    where it was. The same seed gives the same result on the same machine. The result is not
    activated: look at it with `vedette model show`, then `vedette model activate`.

    \b
    Examples:
      vedette model train ours@1.0 --data flights/ --hold-out held.txt --source ours --work train/
      vedette model train ours@1.1 --from ours@1.0 --data a/ --validation a/ --source ours --work b/
    """  # noqa: D301 - click wants the backspace itself
    from service.training.course import check_classes, learn, open_trainer, prepare
    from service.training.materials import gather, held_rendered, with_rendered
    from service.training.result import finish

    work: Path = options["work"]
    threads: int | None = options["threads"]
    name, _, version = str(options["name"]).partition("@")
    start = find_entry(options["start"], catalogue_dir)
    if not (NAME.fullmatch(name) and VERSION.fullmatch(version)):
        raise InvalidInputError("name the result NAME@VERSION, such as ours@1.0.0", field="name")
    if f"{name}@{version}" in {one.label for one in Catalogue.installed(catalogue_dir).entries}:
        raise InvalidInputError(
            f"{name}@{version} is in the catalogue already; give the result another version",
            field="name",
        )
    plan = _plan(name, version, start, options)
    # What is missing or wrong is told now, not after minutes, and leaves no work behind.
    open_trainer(plan, start, threads)
    materials = gather(plan)
    check_classes(start, materials)
    plan.begin(work)
    with _Screen() as screen:
        said = screen.phase("drawing ground that is kept apart", 2 * held_rendered(plan))
        materials = with_rendered(materials, plan, work, said)
        pieces = prepare(plan, materials, start, work, screen, threads)
        trainer = learn(plan, start, pieces, work, screen, threads)
        outcome = finish(
            plan,
            start,
            trainer,
            pieces,
            materials,
            screen,
            catalogue_dir=catalogue_dir,
            trained_on=utc_now().date().isoformat(),
            threads=threads,
        )
    if json_output:
        print_document(_document(outcome))
    else:
        _tell(outcome, start.label)


def _plan(name: str, version: str, start: Any, options: dict[str, Any]) -> Plan:
    """The plan that the options make."""
    if options["tile_px"] % 32:
        raise InvalidInputError(
            f"a tile's side is a multiple of 32, not {options['tile_px']}", field="tile_px"
        )
    hold_out: tuple[str, ...] = ()
    if options["hold_out"] is not None:
        lines = options["hold_out"].read_text(encoding="utf-8").splitlines()
        hold_out = tuple(line.strip() for line in lines if line.strip() and line[0] != "#")
    safetensors = [digest for file, digest in start.card.sha256.items() if file.endswith("tensors")]
    return Plan(
        name=name,
        version=version,
        license=options["license_id"] or start.card.license,
        start=start.label,
        start_sha256=safetensors[0] if safetensors else "",
        data=tuple(path.absolute() for path in options["data"]),
        validation=tuple(path.absolute() for path in options["validation"]),
        sources=options["sources"],
        classes=tuple(options["classes"].split(",")) if options["classes"] else (),
        hold_out=hold_out,
        empty=tuple(path.absolute() for path in options["empty"]),
        dismissed=tuple(path.absolute() for path in options["dismissed"]),
        rendered=options["rendered"],
        rendered_empty=options["rendered_empty"],
        recipe=Recipe(
            steps=options["steps"],
            batch=options["batch"],
            tile_px=options["tile_px"],
            learning_rate=options["rate"],
            frozen_layers=options["frozen_layers"],
            seed=options["seed"],
        ),
        class_recipe=ClassRecipe(steps=options["class_steps"], seed=options["seed"]),
    )


class _Screen:
    """Progress on a terminal; lines now and then where there is none."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._learning: Any = None
        self._told = -1

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def phase(self, told: str, total: int) -> Callable[[int], None]:
        """A bar, or a line, for a phase."""
        if not self._console.is_terminal and total:
            self._console.print(f"{told}: {total}", markup=False)
        task = self._progress.add_task(told, total=total, note="")

        def done(number: int) -> None:
            self._progress.update(task, completed=number)

        return done

    def step(self, step: Step) -> None:
        """The bar of learning with its loss; without a terminal a line for each twentieth."""
        if self._learning is None:
            self._learning = self._progress.add_task("learning", total=step.of, note="")
        self._progress.update(self._learning, completed=step.number, note=f"loss {step.loss:.2f}")
        part = step.number * 20 // step.of
        if not self._console.is_terminal and part != self._told:
            self._told = part
            self._console.print(
                f"learning: step {step.number} of {step.of}, loss {step.loss:.2f}", markup=False
            )


def _document(outcome: Any) -> dict[str, Any]:
    return {
        "model": outcome.label,
        "kept": outcome.mixture._asdict(),
        "class_branches_taught": outcome.taught,
        "trials": [
            {
                "kept": trial.mixture._asdict(),
                "class_branches_taught": trial.taught,
                "ap50": dict(trial.ap50),
                "thresholds": dict(trial.thresholds),
                "false_alarms": trial.false_alarms,
                "empty_alarms": trial.empty_alarms,
            }
            for trial in outcome.trials
        ],
        "groups": {
            group: {
                "truths": row.truths,
                "ap50": {"start": row.ap50[0], "new": row.ap50[1]},
                "recall": {"start": row.recall[0], "new": row.recall[1]},
                "false_alarms_at_equal_recall": {
                    "start": row.false_alarms[0],
                    "new": row.false_alarms[1],
                },
            }
            for group, row in outcome.groups.items()
        },
        "empty_ground": {
            "images": outcome.empty_images,
            "false_alarms": {"start": outcome.empty_alarms[0], "new": outcome.empty_alarms[1]},
        },
    }


def _tell(outcome: Any, start: str) -> None:
    rows: list[tuple[str, str, str, str]] = []
    for group, row in outcome.groups.items():
        rows.append((group, "AP at IoU 0.5", f"{row.ap50[0]:.3f}", f"{row.ap50[1]:.3f}"))
        rows.append((group, "recall", f"{row.recall[0]:.3f}", f"{row.recall[1]:.3f}"))
        rows.append(
            (group, "false at equal recall", str(row.false_alarms[0]), str(row.false_alarms[1]))
        )
    if outcome.empty_images:
        old, new = outcome.empty_alarms
        rows.append(
            (
                "empty ground",
                f"false on {counted(outcome.empty_images, 'image')}",
                str(old),
                str(new),
            )
        )
    print_table(("on", "measure", start, outcome.label), rows, empty="nothing was measured")
    click.echo(
        f"{outcome.label} is in the catalogue and not active. "
        f"Look at it: vedette model show {outcome.label}"
    )
