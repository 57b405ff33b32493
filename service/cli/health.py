"""`vedette health`: does the service answer, and can it work?"""

from __future__ import annotations

import json
from pathlib import Path

import click
import grpc

from service.cli.exit_codes import EXIT_REFUSED, EXIT_UNREACHABLE
from service.endpoint import discover

_TIMEOUT_S = 5.0


@click.command()
@click.option(
    "--endpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="VEDETTE_ENDPOINT",
    show_envvar=True,
    help="The endpoint.json of the service.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="VEDETTE_DATA_DIR",
    show_envvar=True,
    help="The service's data folder, instead of --endpoint.  [default: ./vedette-data]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text.")
@click.pass_context
def health(
    context: click.Context, endpoint: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    r"""Ask the service once for its health; no token is sent.

    Exits 0 when it serves, 1 when a part of it does not answer, 3 when it cannot be reached.

    \b
    Example:
      vedette health --data-dir /var/lib/vedette/data
    """
    from grpc_health.v1 import health_pb2

    where = discover(endpoint, data_dir)
    with grpc.secure_channel(where.address, grpc.ssl_channel_credentials(where.ca())) as channel:
        try:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            answer = check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S, wait_for_ready=True)
        except grpc.RpcError as error:
            state, code = f"unreachable: {error.details()}", EXIT_UNREACHABLE
        else:
            serving = answer.status == health_pb2.HealthCheckResponse.SERVING
            state, code = ("serving", 0) if serving else ("not serving", EXIT_REFUSED)
    if as_json:
        click.echo(json.dumps({"address": where.address, "health": state}))
    else:
        click.echo(f"{where.address}: {state}")
    context.exit(code)
