"""Where a running service is and how to talk to it: `endpoint.json`."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.errors import InvalidInputError

FILE_NAME = "endpoint.json"
DEFAULT_DATA_DIR = Path("vedette-data")
# What a service leaves in its data folder when it stops.
_TRACES = ("identity", "ledger.sqlite3")
_LOOK_EVERY_S = 0.2


class EndpointError(InvalidInputError):
    """The endpoint file is missing or is not one."""

    reason = "ENDPOINT_NOT_FOUND"


class EndpointMissingError(EndpointError):
    """There is no endpoint file: no service runs there, or not now.

    Attributes:
        unreachable: as of a service that does not answer.
    """

    unreachable = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """What a client needs to call one service.

    Attributes:
        address: host and port.
        ca_file: PEM certificate that the server's certificate must chain to.
        token_file: file whose only line is the bearer token.
    """

    address: str
    ca_file: Path
    token_file: Path

    @classmethod
    def read(cls, path: Path) -> Self:
        """The endpoint of a file; relative paths in it are relative to its folder.

        Raises:
            EndpointMissingError: there is no such file.
            EndpointError: it is not an endpoint file.
        """
        try:
            document = json.loads(path.read_text("utf-8"))
            folder = path.resolve().parent
            return cls(
                address=str(document["address"]),
                ca_file=folder / document["ca_file"],
                token_file=folder / document["token_file"],
            )
        except FileNotFoundError as error:
            raise EndpointMissingError(
                f"no service found at {path}; start one with 'vedette serve', or name its "
                "endpoint.json with --endpoint or VEDETTE_ENDPOINT",
                field="endpoint",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EndpointError(
                f"{path} is not an endpoint file: {error}", field="endpoint"
            ) from error

    def write(self, path: Path) -> None:
        """Write the file so that a reader sees the whole of it or none."""
        document = {
            "address": self.address,
            "ca_file": str(self.ca_file),
            "token_file": str(self.token_file),
        }
        write_atomically(path, (json.dumps(document, indent=2) + "\n").encode())

    def token(self) -> str:
        """The bearer token.

        Raises:
            EndpointError: the token file cannot be read.
        """
        try:
            return self.token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not ASCII"
            raise EndpointError(
                f"cannot read the token file {self.token_file}: {why}", field="token_file"
            ) from error

    def ca(self) -> bytes:
        """The CA certificate, PEM.

        Raises:
            EndpointError: the CA file cannot be read.
        """
        try:
            return self.ca_file.read_bytes()
        except OSError as error:
            raise EndpointError(
                f"cannot read the CA file {self.ca_file}: {error}", field="ca_file"
            ) from error


def discover(endpoint_file: Path | None, data_dir: Path | None) -> Endpoint:
    """The endpoint a command should call: the named file, else that of the data folder.

    Raises:
        EndpointMissingError: there is none.
        EndpointError: the file is not one.
    """
    return Endpoint.read(_named(endpoint_file, data_dir))


def await_endpoint(
    endpoint_file: Path | None, data_dir: Path | None, *, patience_s: float
) -> Endpoint:
    """The same, waited for where a service has lived: one that restarts writes its file anew.

    Raises:
        EndpointMissingError: there is none, and none came; at once where there never was a service.
        EndpointError: the file is not one.
    """
    path = _named(endpoint_file, data_dir)
    ends = time.monotonic() + patience_s
    while True:
        try:
            return Endpoint.read(path)
        except EndpointMissingError:
            lived = any((path.parent / trace).exists() for trace in _TRACES)
            if not lived or time.monotonic() >= ends:
                raise
        time.sleep(min(_LOOK_EVERY_S, max(0.0, ends - time.monotonic())))


def _named(endpoint_file: Path | None, data_dir: Path | None) -> Path:
    return endpoint_file or (data_dir or DEFAULT_DATA_DIR) / FILE_NAME


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that is on disk as a whole, or not there at all."""
    # mkstemp creates with mode 0600 whatever the umask.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
