"""`vedette model activate`, `rollback`, `active`, `compare`: what a running service looks with."""

from __future__ import annotations

from collections.abc import Sequence

import click
from vedette.v1 import model_pb2

from models.errors import InvalidInputError, VedetteError
from models.wording import counted
from service.cli.output import (
    ServiceCommand,
    as_json,
    connected,
    console,
    document_of,
    last_part,
    plain,
    print_document,
    print_table,
    utc,
    word,
)
from service.client import Client

ROLES = {
    "visible": model_pb2.MODEL_ROLE_VISIBLE,
    "thermal": model_pb2.MODEL_ROLE_THERMAL,
}
_SHADOW = model_pb2.MODEL_ROLE_SHADOW
_HISTORY = 20


def _resource(name: str) -> str:
    return name if name.startswith("models/") else f"models/{name}"


@click.command("activate", cls=ServiceCommand)
@click.argument("name", metavar="NAME[@VERSION]")
@click.option(
    "--for",
    "roles",
    multiple=True,
    type=click.Choice(list(ROLES)),
    help="For which frames; repeatable.  [default: what its card says that it sees]",
)
@click.option(
    "--shadow",
    is_flag=True,
    help="Run it beside the active one: compared, kept apart, and never alerting.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of the frames that a shadow looks at.  [default: all]",
)
@click.option("--reason", required=True, help="Why; it is part of the history.")
@as_json
@connected
def activate(
    client: Client,
    name: str,
    roles: tuple[str, ...],
    shadow: bool,
    share: float | None,
    reason: str,
    json_output: bool,
) -> None:
    """Put a model in force in a running service, or in shadow beside the active one.

    Its files are hashed again before. Workers take it at their next job, without a restart; what is
    looked at already stays as it was, and its evidence names the model that looked. Models look at
    the imagery of every mission, so this is for administrators of all of them.

    A shadow doubles the work for its share of the frames. Look at what it saw with `vedette model
    compare`, then activate it or another shadow.

    \b
    Examples:
      vedette model activate field-m@1.0 --shadow --share 0.2 --reason "trial in the dry season"
      vedette model activate field-m@1.0 --reason "finds a third more people"
      vedette model activate night-s@2.1 --for thermal --reason "first thermal model of our own"
    """  # noqa: D301 - click wants the backspace itself
    if shadow and roles:
        raise InvalidInputError("a shadow looks at what its card says that it sees", field="for")
    if share is not None and not shadow:
        raise InvalidInputError("only a shadow looks at a share of the frames", field="share")
    answer = client.call(
        client.models.ActivateModel,
        model_pb2.ActivateModelRequest(
            name=_resource(name),
            roles=[_SHADOW] if shadow else [ROLES[role] for role in roles],
            reason=reason,
            share=share or 0.0,
        ),
    )
    _tell(answer, json_output=json_output)


@click.command("rollback", cls=ServiceCommand)
@click.option(
    "--for",
    "roles",
    multiple=True,
    type=click.Choice(list(ROLES)),
    help="For which frames; repeatable.  [default: both]",
)
@click.option("--shadow", is_flag=True, help="Take back the latest shadow instead.")
@click.option("--reason", required=True, help="Why; it is part of the history.")
@as_json
@connected
def rollback(
    client: Client, roles: tuple[str, ...], shadow: bool, reason: str, json_output: bool
) -> None:
    """Put back in force the model from before the latest activation.

    Given again it goes one activation further back, to the default at last.

    \b
    Examples:
      vedette model rollback --reason "false alarms on terraces"
      vedette model rollback --for thermal --reason "misses people at dawn"
      vedette model rollback --shadow --reason "the trial is over"
    """  # noqa: D301 - click wants the backspace itself
    if shadow and roles:
        raise InvalidInputError("--shadow and --for exclude each other", field="for")
    try:
        answer = client.call(
            client.models.RollbackModel,
            model_pb2.RollbackModelRequest(
                roles=[_SHADOW] if shadow else [ROLES[role] for role in roles], reason=reason
            ),
        )
    except VedetteError as error:
        # Where nothing was activated that could be taken back the shadow may be meant.
        if error.field == "roles" and not shadow and not json_output:
            _tell_shadow(client)
        raise
    _tell(answer, json_output=json_output)
    if not shadow and not json_output:
        _tell_shadow(client)


@click.command("active", cls=ServiceCommand)
@as_json
@connected
def active(client: Client, json_output: bool) -> None:
    """Show which models a running service looks with, and who changed them, when and why.

    \b
    Examples:
      vedette model active
      vedette model active --json
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(client.models.GetModelsInForce, model_pb2.GetModelsInForceRequest())
    history = client.call(
        client.models.ListModelChanges, model_pb2.ListModelChangesRequest(page_size=_HISTORY)
    ).changes
    if json_output:
        print_document(
            {
                "models": [document_of(one) for one in found.models],
                "changes": [document_of(change) for change in history],
            }
        )
        return
    _tell_in_force(found.models)
    if history:
        click.echo()
        _tell_changes(history)


@click.command("compare", cls=ServiceCommand)
@click.argument("shadow", required=False, metavar="[NAME@VERSION]")
@click.option(
    "--mission",
    "-m",
    envvar="VEDETTE_MISSION",
    show_envvar=True,
    help="Only frames of this mission.  [default: every mission]",
)
@as_json
@connected
def compare(client: Client, shadow: str | None, mission: str | None, json_output: bool) -> None:
    """Show what a shadow and the active models agree on, by category.

    Of each category: detections of the active model and of the shadow; those that are the same
    object in the same category (their boxes overlap by half); those that the shadow sees in
    another category; and those that only one of them sees. Neither is the truth: look at frames on
    which they differ, and measure both with `vedette model evaluate`.

    \b
    Examples:
      vedette model compare
      vedette model compare field-m@1.0 --mission unmiss --json
    """  # noqa: D301 - click wants the backspace itself
    found = client.call(
        client.models.CompareModels,
        model_pb2.CompareModelsRequest(
            parent=f"missions/{mission.removeprefix('missions/')}" if mission else "missions/-",
            shadow=_resource(shadow) if shadow else "",
        ),
    )
    if json_output:
        print_document(document_of(found))
        return
    if not found.shadow:
        in_force = client.call(client.models.GetModelsInForce, model_pb2.GetModelsInForceRequest())
        running = _shadow_of(in_force.models)
        told = (
            f"{running} looks in shadow, and has not looked at anything yet: it looks at "
            "imagery that comes from now on"
            if running
            else "no shadow has looked yet; start one with: vedette model activate NAME --shadow "
            "--reason WHY"
        )
        console(stderr=True).print(told, markup=False)
        return
    failed = f", {counted(found.failed, 'frame')} failed" if found.failed else ""
    against = ", ".join(last_part(name) for name in found.against) or "nothing"
    console().print(
        plain(
            f"{last_part(found.shadow)} in shadow of {against}: "
            f"{counted(found.frames, 'frame')}{failed}, "
            f"{utc(found.first_time)} to {utc(found.last_time)}"
        ),
        markup=False,
    )
    print_table(
        ("CATEGORY", "ACTIVE", "SHADOW", "BOTH", "OTHER CATEGORY", "ONLY ACTIVE", "ONLY SHADOW"),
        (
            (
                one.category,
                str(one.active),
                str(one.shadow),
                str(one.both),
                str(one.recategorised),
                str(one.only_active),
                str(one.only_shadow),
            )
            for one in found.categories
        ),
        empty="neither saw anything",
    )
    if found.differing:
        click.echo("\nFrames on which they differ most:")
        print_table(
            ("IMAGERY", "OTHER CATEGORY", "ONLY ACTIVE", "ONLY SHADOW"),
            (
                (
                    frame.imagery,
                    str(frame.recategorised),
                    str(frame.only_active),
                    str(frame.only_shadow),
                )
                for frame in found.differing
            ),
            empty="",
        )


def _tell_shadow(client: Client) -> None:
    """How to end the shadow that still looks, where one does."""
    in_force = client.call(client.models.GetModelsInForce, model_pb2.GetModelsInForceRequest())
    running = _shadow_of(in_force.models)
    if running:
        console(stderr=True).print(
            f"{running} still looks in shadow; to end that: vedette model rollback --shadow",
            markup=False,
        )


def _shadow_of(models: Sequence[model_pb2.ModelInForce]) -> str:
    """The model that looks in shadow; empty where none does."""
    return next((last_part(one.model) for one in models if one.role == _SHADOW and one.model), "")


def _tell(answer: model_pb2.ModelsInForce, *, json_output: bool) -> None:
    if json_output:
        print_document(document_of(answer))
        return
    if answer.changes:
        _tell_changes(answer.changes)
        click.echo()
    else:
        click.echo("nothing changed: it was so already\n")
    _tell_in_force(answer.models)


def _tell_in_force(models: Sequence[model_pb2.ModelInForce]) -> None:
    print_table(
        ("FOR", "MODEL", "SINCE", "SHARE"),
        (
            (
                word(one, "role"),
                last_part(one.model),
                utc(one.activate_time) if one.HasField("activate_time") else "default",
                f"{one.share:g}",
            )
            for one in models
        ),
        empty="no models",
    )


def _tell_changes(changes: Sequence[model_pb2.ModelChange]) -> None:
    print_table(
        ("CHANGE", "FOR", "DONE", "FROM", "TO", "BY", "AT", "WHY"),
        (
            (
                str(change.sequence),
                word(change, "role"),
                word(change, "kind").replace("_", " "),
                last_part(change.before) or _nothing(change.role),
                last_part(change.after) or _nothing(change.role),
                change.changed_by,
                utc(change.change_time),
                change.reason,
            )
            for change in changes
        ),
        empty="",
    )


def _nothing(role: int) -> str:
    """What stands for no model that was activated."""
    return "none" if role == _SHADOW else "default"
