"""`vedette serve`: the service."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import click

from pipelines.geometry.vertical_reference import DemDatum
from service.app import LOG_FORMAT
from service.app import serve as run_service
from service.settings import load_settings


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for everything the service keeps.  [default: ./vedette-data]",
)
@click.option("--listen", help="host:port; port 0 takes a free one.  [default: 127.0.0.1:7443]")
@click.option("--workers", type=int, help="Worker processes.  [default: cores - 1]")
@click.option(
    "--engine",
    help="auto, openvino, openvino-int8, openvino-float or ultralytics.  [default: auto]",
)
@click.option("--model", help="Model of the catalogue.  [default: vedette-n]")
@click.option("--min-confidence", type=float, help="Boxes below it are not reported.")
@click.option(
    "--dem-dir",
    metavar="FOLDER|s3://BUCKET/PREFIX",
    help="Elevation models: a folder, or a place in the object store of this service.",
)
@click.option(
    "--dem-datum",
    type=click.Choice([datum.value for datum in DemDatum]),
    help="What the heights of models that do not say so themselves are measured from.",
)
@click.option(
    "--geoid-grid-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of more geoid grids of PROJ, for example with us_nga_egm08_25.tif.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log every detail.")
def serve(verbose: bool, **flags: Any) -> None:
    """Start the service: API, object store, ledger and workers on this machine.

    The first start makes a certificate authority, a server certificate and an administrator's
    token; DIR/endpoint.json then tells the other commands where everything is. SIGTERM or Ctrl-C
    drains; twice ends at once. Every setting, also those without a flag here, can be set as
    VEDETTE_NAME or in DIR/vedette.toml.

    \b
    Examples:
      vedette serve --data-dir /var/lib/vedette
      vedette serve --listen 0.0.0.0:7443 --workers 4 --dem-dir dem/
    """  # noqa: D301 - click wants the backspace itself
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format=LOG_FORMAT, stream=sys.stderr
    )
    # Other people's libraries speak only when something is wrong.
    for name in ("alembic", "asyncio", "urllib3", "grpc"):
        logging.getLogger(name).setLevel(logging.WARNING)
    settings = load_settings(**flags)
    asyncio.run(run_service(settings, click.echo))
