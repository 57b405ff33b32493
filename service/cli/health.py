"""`vedette health`: does the service answer, and can it work?"""

from __future__ import annotations

from pathlib import Path

import click
import grpc

from service.cli.exit_codes import EXIT_REFUSED, EXIT_UNREACHABLE
from service.cli.output import ServiceCommand, as_json, finding_the_service, print_document
from service.endpoint import EndpointMissingError, discover

_TIMEOUT_S = 5.0
# grpc.health.v1.HealthCheckResponse whose only field, status, is SERVING.
_SERVING = b"\x08\x01"


@click.command(cls=ServiceCommand)
@finding_the_service
@as_json
@click.pass_context
def health(
    context: click.Context, endpoint: Path | None, data_dir: Path | None, json_output: bool
) -> None:
    """Ask the service once for its health; no token is sent.

    Exits 0 when it serves, 1 when a part of it does not answer, 3 when it cannot be reached.

    \b
    Example:
      vedette health --data-dir /var/lib/vedette/data
    """  # noqa: D301 - click wants the backspace itself
    try:
        where = discover(endpoint, data_dir)
    except EndpointMissingError as error:
        _tell(None, "unreachable", str(error), json_output=json_output)
        context.exit(EXIT_UNREACHABLE)
    detail = ""
    with grpc.secure_channel(where.address, grpc.ssl_channel_credentials(where.ca())) as channel:
        # The two messages are so small that they are written out here: grpcio-health-checking
        # comes with the service, and this command with every client.
        check: grpc.UnaryUnaryMultiCallable[None, bytes] = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=lambda _request: b"",
            response_deserializer=bytes,
        )
        try:
            answer = check(None, timeout=_TIMEOUT_S, wait_for_ready=True)
        except grpc.RpcError as error:
            state, code, detail = "unreachable", EXIT_UNREACHABLE, str(error.details())
        else:
            serving = answer == _SERVING
            state, code = ("serving", 0) if serving else ("not_serving", EXIT_REFUSED)
    _tell(where.address, state, detail, json_output=json_output)
    context.exit(code)


def _tell(address: str | None, state: str, detail: str, *, json_output: bool) -> None:
    if json_output:
        print_document({"address": address, "health": state, "detail": detail})
        return
    where = f"{address}: " if address else ""
    told = f": {detail}" if detail else ""
    click.echo(f"{where}{state.replace('_', ' ')}{told}")
