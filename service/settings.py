"""What an operator may turn: flags, then VEDETTE_* variables, then DIR/vedette.toml, then defaults.

The only module that reads the environment.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from models.catalogue.catalogue import EngineName
from models.detector import DetectionParameters
from pipelines.geometry.vertical_reference import DemDatum
from service.endpoint import DEFAULT_DATA_DIR
from service.errors import StartupError
from service.model_choice import MODELS_FOLDER

FILE_NAME = "vedette.toml"
PREFIX = "VEDETTE_"
MIN_FREE_BYTES = 256 << 20
_S3 = "s3://"
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _default_workers() -> int:
    return max(1, (os.cpu_count() or 2) - 1)


class Settings(BaseSettings):
    """The settings of one service; every one is a field, a variable and a key of vedette.toml."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        DEFAULT_DATA_DIR, description="Folder for everything the service keeps; made when missing."
    )
    listen: str = Field(
        "127.0.0.1:7443", description="Address of the gRPC API, host:port; port 0 takes a free one."
    )
    server_names: str = Field(
        "",
        description="Further names and addresses that clients reach the service by, with commas "
        "between; its certificate covers them.",
    )
    workers: int = Field(
        default_factory=_default_workers,
        ge=1,
        le=64,
        description="Worker processes; one less than the machine has cores, at least 1.",
    )
    engine: EngineName = Field(
        "auto",
        description="Detection engine: ultralytics (torch), openvino (CPU; eight bits where model "
        "and processor have them), openvino-int8, openvino-float, or auto: ultralytics where it "
        "is installed and finds an NVIDIA GPU, else openvino.",
    )
    model: str = Field(
        "vedette-n",
        description="Detection model in the catalogue, NAME or NAME@VERSION, until one is "
        "activated.",
    )
    min_confidence: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Boxes below this confidence are not reported; what the model's card says of "
        "each category when not set.",
    )
    tile_overlap: float = Field(
        0.2, ge=0.0, le=0.9, description="Least share of a tile that its neighbour repeats."
    )
    everywhere: bool = Field(
        False,
        description="Also look for objects in the sky of a frame, on ground too far away to tell a "
        "car, and where no rule reaches from any position.",
    )
    dem_dir: str | None = Field(
        None,
        description="Elevation models (GeoTIFF, SRTM .hgt, DTED): a folder, or s3://bucket/prefix "
        "in the object store of this service; flat ground without one.",
    )
    dem_datum: DemDatum | None = Field(
        None,
        description="What the heights of elevation models that do not say so are measured from: "
        "egm96, egm2008 or ellipsoid; read as EGM96 with a wider error when not set.",
    )
    geoid_grid_dir: Path | None = Field(
        None, description="Folder of more geoid grids, as PROJ names them; nothing is fetched."
    )
    terrain_sigma_m: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        allow_inf_nan=False,
        description="One standard deviation of the terrain's height, in metres, where a pose "
        "states none; 3 m when not set, 5 to 8 m over SRTM in forest or savannah.",
    )
    ledger_url: SecretStr | None = Field(
        None, description="SQLAlchemy URL of the ledger; SQLite in the data folder without one."
    )
    s3_endpoint: str | None = Field(
        None,
        description="URL of an S3 endpoint, https://host:port; the embedded SeaweedFS without one.",
    )
    s3_access_key: SecretStr | None = Field(None, description="Access key of the S3 endpoint.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret key of the S3 endpoint.")
    s3_bucket: str = Field("vedette", description="Bucket that holds originals and products.")
    max_upload_bytes: int = Field(
        512 * 1024 * 1024, ge=1, description="Largest file a submission may announce."
    )
    max_open_submissions: int = Field(
        64, ge=1, description="Unfinished submissions at one time; more are refused."
    )
    min_free_bytes: int = Field(
        MIN_FREE_BYTES,
        ge=0,
        description="Free space below which the service does not start.",
    )
    patrol_report_days: int = Field(
        90,
        ge=1,
        le=36_500,
        description="Days that reports of where patrols were are kept; the latest of each stays. "
        "Imagery that was captured before knows its patrols by the latest report alone.",
    )
    shadow_look_days: int = Field(
        90,
        ge=1,
        le=36_500,
        description="Days that what shadow models saw is kept for comparison.",
    )
    drain_seconds: float = Field(
        20.0, ge=0.0, description="How long running calls and jobs may go on after SIGTERM."
    )
    tak_url: str | None = Field(
        None, description="TAK server, tls://host:port; incidents are not sent without one."
    )
    tak_client_cert: Path | None = Field(None, description="Client certificate for TAK, PEM.")
    tak_client_key: Path | None = Field(None, description="Its private key, PEM.")
    tak_ca: Path | None = Field(None, description="CA of the TAK server, PEM.")
    tak_check_hostname: bool = Field(
        default=True,
        description="Whether the TAK server's certificate must name the host of tak_url.",
    )
    tak_mission: str | None = Field(None, description="Mission whose incidents go to TAK.")
    tak_clearance: Literal["unclassified", "confidential", "strictly-confidential"] = Field(
        "strictly-confidential", description="The highest marking of incidents that go to TAK."
    )

    @field_validator("dem_dir")
    @classmethod
    def _dem_dir_is_folder_or_bucket(cls, value: str | None) -> str | None:
        scheme, mark, rest = (value or "").partition("://")
        if mark and (scheme != "s3" or not rest.partition("/")[0]):
            raise ValueError(f"{value!r} is neither a folder nor s3://bucket/prefix")
        return value

    @field_validator("listen")
    @classmethod
    def _listen_is_host_and_port(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not (colon and host and port.isdigit() and int(port) < 65536):
            raise ValueError("must be host:port, for example 127.0.0.1:7443")
        return value

    @field_validator("server_names")
    @classmethod
    def _server_names_are_names(cls, value: str) -> str:
        for name in _split(value):
            if not _HOST_NAME.fullmatch(name) and not _is_address(name):
                raise ValueError(f"{name!r} is neither a host name nor an address")
        return value

    @model_validator(mode="after")
    def _belong_together(self) -> Settings:
        if self.s3_endpoint is not None and not (self.s3_access_key and self.s3_secret_key):
            raise ValueError("s3_endpoint needs s3_access_key and s3_secret_key")
        if self.tak_url is not None:
            wanted = ("tak_client_cert", "tak_client_key", "tak_ca", "tak_mission")
            missing = [name for name in wanted if getattr(self, name) is None]
            if missing:
                raise ValueError(f"tak_url needs {', '.join(missing)}")
        if self.dem_folder is not None and not self.dem_folder.is_dir():
            raise ValueError(f"dem_dir {self.dem_folder} is not a folder")
        if self.geoid_grid_dir is not None and not self.geoid_grid_dir.is_dir():
            raise ValueError(f"geoid_grid_dir {self.geoid_grid_dir} is not a folder")
        return self

    @property
    def dem_objects(self) -> tuple[str, str] | None:
        """Bucket and prefix (which may be empty) of elevation models in the object store."""
        if self.dem_dir is None or not self.dem_dir.startswith(_S3):
            return None
        bucket, _, prefix = self.dem_dir.removeprefix(_S3).partition("/")
        return bucket, prefix.strip("/")

    @property
    def dem_folder(self) -> Path | None:
        """Folder of elevation models."""
        return None if self.dem_dir is None or self.dem_objects is not None else Path(self.dem_dir)

    @property
    def host(self) -> str:
        """The host of `listen`, without the brackets of an IPv6 address."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def names(self) -> tuple[str, ...]:
        """What the server's certificate must cover: the host of `listen` and `server_names`."""
        return (self.host, *_split(self.server_names))

    @property
    def port(self) -> int:
        """The port of `listen`."""
        return int(self.listen.rpartition(":")[2])

    @property
    def ledger(self) -> str:
        """The URL of the ledger, secret or not."""
        if self.ledger_url is not None:
            return self.ledger_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'ledger.sqlite3'}"

    @property
    def scratch(self) -> Path:
        """Folder for copies that a worker needs for one job; emptied at the start."""
        return self.data_dir / "scratch"

    @property
    def models_dir(self) -> Path:
        """Folder of the models that were added to this installation."""
        return self.data_dir / MODELS_FOLDER

    @property
    def detection(self) -> DetectionParameters:
        """Thresholds and tiling of detection."""
        return DetectionParameters(
            min_confidence=self.min_confidence,
            tile_overlap=self.tile_overlap,
            everywhere=self.everywhere,
        )


class _DataDir(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    data_dir: Path = DEFAULT_DATA_DIR


def load_settings(**flags: Any) -> Settings:
    """The settings in force.

    Args:
        flags: fields given on the command line; None means not given.

    Raises:
        StartupError: a setting is wrong; the message names it, where it came from and why.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    folder = Path(given["data_dir"]) if "data_dir" in given else _DataDir().data_dir
    file = folder / FILE_NAME

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del env_settings, dotenv_settings, file_secret_settings
            environment = EnvSettingsSource(settings_cls, env_ignore_empty=True)
            return init_settings, environment, TomlConfigSettingsSource(settings_cls, file)

    try:
        loaded = Loaded(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'settings'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False)
        )
        raise StartupError(
            f"{problems} (settings come from flags, {PREFIX}* variables and {file})"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise StartupError(f"{file} is not TOML: {error}") from error
    values = {name: getattr(loaded, name) for name in Settings.model_fields}
    return Settings.model_construct(**{**values, "data_dir": folder.absolute()})


def environment_of_children() -> dict[str, str]:
    """The environment without the settings: children are handed theirs, secrets among them."""
    everything = os.environ  # noqa: TID251 - this is the module that reads it
    return {name: value for name, value in everything.items() if not name.startswith(PREFIX)}


def dump_settings(settings: Settings) -> str:
    """The settings with their secrets as JSON, for a child process's standard input only."""

    def plain(value: object) -> str:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    return json.dumps(dict(settings), default=plain)


def parse_settings(text: str) -> Settings:
    """What `dump_settings` wrote, without a look at the environment."""

    class Handed(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del settings_cls, env_settings, dotenv_settings, file_secret_settings
            return (init_settings,)

    return Handed.model_validate_json(text)
