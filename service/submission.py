"""What a client says of a file before its bytes, and the checks it must pass."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import NoReturn

from models.errors import InvalidInputError
from pipelines.metadata.pose_file import parse_pose

_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{1,63}")
_SORTIE = re.compile(r"[A-Za-z0-9._-]{1,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LONGEST_NAME = 255
_LONGEST_POSE = 64 << 10

# Fields of the contract, where they are called otherwise there.
_CONTRACT_NAMES = {
    "mission_id": "pledge",
    "pledge_id": "pledge",
    "sortie_id": "sortie",
    "stated_pose": "pose_json",
    "stated_captured_at": "capture_time",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionHeader:
    """What is said once about a file before its bytes; see `vedette.v1.SubmissionHeader`.

    Attributes:
        mission_id: the mission.
        pledge_id: the pledge it comes under.
        sortie_id: the sortie, as the submitter names it.
        file_name: the file's own name, for people only.
        size_bytes: of the whole file.
        sha256: lower-case hexadecimal SHA-256 of the whole file.
        request_id: a UUID of the client's, the handle for resuming.
        offset: byte at which the following chunks begin.
        stated_pose: pose file as JSON text; None without one.
        stated_captured_at: capture time; None where it is not told.
    """

    mission_id: str
    pledge_id: str
    sortie_id: str
    file_name: str
    size_bytes: int
    sha256: str
    request_id: str
    offset: int = 0
    stated_pose: str | None = None
    stated_captured_at: datetime | None = None

    @property
    def key(self) -> str:
        """Its name in the spool: of one mission's request, and of no other's."""
        return spool_key(self.mission_id, self.request_id)

    def validate(self, *, max_bytes: int) -> None:
        """Refuse a header that could not be accepted whatever bytes follow.

        Raises:
            InvalidInputError: naming the field at fault, for example "header.sha256".
        """
        if not (_IDENTIFIER.fullmatch(self.mission_id) and _IDENTIFIER.fullmatch(self.pledge_id)):
            _refuse("pledge", "is not missions/{mission}/pledges/{pledge}")
        if not _SORTIE.fullmatch(self.sortie_id):
            _refuse("sortie", "is not 1 to 63 letters, digits, hyphens, underscores and dots")
        name = self.file_name
        if (
            not name
            or len(name) > _LONGEST_NAME
            or not name.isprintable()
            or set(name) & set("/\\")
        ):
            _refuse("file_name", "is not 1 to 255 printable characters without a path")
        if self.size_bytes < 1:
            _refuse("size_bytes", "is not above 0")
        if self.size_bytes > max_bytes:
            _refuse("size_bytes", f"is above this installation's limit of {max_bytes} bytes")
        if not _SHA256.fullmatch(self.sha256):
            _refuse("sha256", "is not 64 lower-case hexadecimal digits")
        check_request_id(self.request_id, "header.request_id")
        if not 0 <= self.offset <= self.size_bytes:
            _refuse("offset", "is not between 0 and size_bytes")
        if self.stated_pose is not None:
            _check_pose(self.stated_pose)

    def to_json(self) -> bytes:
        """What every stream of one submission says alike: all but the offset."""
        document = {each.name: getattr(self, each.name) for each in fields(self)}
        del document["offset"]
        moment = self.stated_captured_at
        document["stated_captured_at"] = (
            None if moment is None else moment.astimezone(UTC).isoformat()
        )
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> SubmissionHeader:
        """The header that `to_json` wrote, with offset 0."""
        document = json.loads(data)
        moment = document["stated_captured_at"]
        document["stated_captured_at"] = None if moment is None else datetime.fromisoformat(moment)
        return cls(**document)

    def require_same(self, begun: SubmissionHeader) -> None:
        """Refuse to go on with a submission that began as another.

        Raises:
            InvalidInputError: naming the first field that differs.
        """
        same = replace(begun, offset=self.offset)
        for each in fields(self):
            if getattr(self, each.name) != getattr(same, each.name):
                name = _CONTRACT_NAMES.get(each.name, each.name)
                _refuse(name, "differs from what this request_id began with")


def spool_key(mission_id: str, request_id: str) -> str:
    """The name in the spool of a mission's request."""
    return sha256(f"{mission_id}\n{request_id}".encode()).hexdigest()[:40]


def _check_pose(text: str) -> None:
    if len(text) > _LONGEST_POSE:
        _refuse("pose_json", f"is longer than {_LONGEST_POSE} characters")
    try:
        parse_pose(text)
    except InvalidInputError as error:
        field = f"header.pose_json.{error.field}" if error.field else "header.pose_json"
        raise InvalidInputError(str(error), field=field) from error


def check_request_id(value: str, field: str) -> None:
    """Refuse what is no request id.

    Raises:
        InvalidInputError: it is not a lower-case UUID with hyphens.
    """
    if not _REQUEST_ID.fullmatch(value):
        raise InvalidInputError(f"{field} is not a lower-case UUID with hyphens", field=field)


def _refuse(name: str, reason: str) -> NoReturn:
    raise InvalidInputError(f"header.{name} {reason}", field=f"header.{name}")
