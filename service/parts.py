"""The parts that `serve` and its workers share, opened from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from pydantic import SecretStr

from models.errors import VedetteError
from service.errors import NotFoundError, StartupError, UnavailableError
from service.ledger.store import Ledger
from service.object_elevation import ElevationObjects
from service.objects import ObjectStore, S3Credentials
from service.seaweedfs import SeaweedProcess
from service.settings import Settings


def software_version() -> str:
    """The installed version, written into the evidence of every product."""
    try:
        return version("vedette")
    except PackageNotFoundError:
        return "0+unknown"


def node_prefix() -> str:
    """How the names of this machine's workers begin."""
    return f"{os.uname().nodename}/"


def with_store(settings: Settings, store: SeaweedProcess) -> Settings:
    """The settings with the embedded store's endpoint and credentials in place."""
    return settings.model_copy(
        update={
            "s3_endpoint": store.endpoint,
            "s3_access_key": SecretStr(store.credentials.access_key),
            "s3_secret_key": SecretStr(store.credentials.secret_key),
        }
    )


def _store(settings: Settings, bucket: str, settle: Callable[[], None] | None) -> ObjectStore:
    if settings.s3_endpoint is None or not settings.s3_access_key or not settings.s3_secret_key:
        raise StartupError("no S3 endpoint is set")
    return ObjectStore(
        settings.s3_endpoint,
        S3Credentials(
            access_key=settings.s3_access_key.get_secret_value(),
            secret_key=settings.s3_secret_key.get_secret_value(),
        ),
        bucket,
        settle=settle,
    )


def open_objects(settings: Settings, *, embedded: bool) -> ObjectStore:
    """The object store of the settings, its bucket made where it is missing.

    Args:
        settings: with endpoint and credentials.
        embedded: it is the embedded store, which syncs nothing by itself.

    Raises:
        StartupError: it does not answer or refuses.
    """
    objects = _store(settings, settings.s3_bucket, os.sync if embedded else None)
    try:
        objects.ensure_bucket()
    except VedetteError as error:
        objects.close()
        raise StartupError(
            f"the object store at {settings.s3_endpoint} cannot be used: {error}"
        ) from error
    return objects


def open_elevation_objects(settings: Settings) -> ElevationObjects | None:
    """The elevation models in the object store; None where the settings name none there.

    Args:
        settings: with endpoint and credentials.

    Raises:
        StartupError: the store does not answer or refuses, there is no such bucket, or nothing
            lies under the prefix.
    """
    if settings.dem_objects is None:
        return None
    bucket, prefix = settings.dem_objects
    reader = ElevationObjects(_store(settings, bucket, None), prefix)
    try:
        some = next(iter(reader.list()), None)
    except NotFoundError as error:
        reader.close()
        raise StartupError(
            f"dem_dir {settings.dem_dir}: the object store has no bucket {bucket!r}"
        ) from error
    except UnavailableError as error:
        reader.close()
        raise StartupError(f"dem_dir {settings.dem_dir} cannot be read: {error}") from error
    if some is None:
        reader.close()
        raise StartupError(
            f"dem_dir {settings.dem_dir}: nothing lies there; put elevation models there or name "
            "another prefix"
        )
    return reader


def open_ledger(settings: Settings) -> Ledger:
    """The ledger of the settings, its tables brought up to date.

    Raises:
        StartupError: it does not answer.
    """
    ledger = Ledger.open(settings.ledger)
    try:
        ledger.migrate()
    except VedetteError as error:
        ledger.close()
        # A driver's words may take several lines.
        words = " ".join(str(error).split())
        raise StartupError(f"the ledger cannot be used: {words}") from error
    return ledger
