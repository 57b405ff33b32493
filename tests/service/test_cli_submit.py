from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from vedette.v1 import imagery_pb2

from service.access import Role
from service.api.permissions import PERMISSIONS
from service.cli.submit import Sent, _expect_pledge, _files, _tell
from service.client import Submitted, _request_id
from service.errors import NotFoundError
from service.remote_error import RemoteError

PLEDGE = "missions/unmiss/pledges/swe-1"


def test_images_of_a_folder_are_sent_once_and_the_rest_is_named(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.tiff", "notes.txt", ".hidden.jpg", "below/c.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    odd = tmp_path / "notes.txt"
    files, skipped = _files((tmp_path, tmp_path / "b.JPG"))
    assert files == [tmp_path / name for name in ("a.tiff", "b.JPG", "below/c.png")]
    assert skipped == [odd]
    # What is named itself is sent whatever it is called: the service judges its bytes.
    assert _files((odd,)) == ([odd], [])


def refused(reason: str, field: str) -> Sent:
    error = RemoteError("no", reason=reason, code=grpc.StatusCode.NOT_FOUND, field=field)
    return Sent(path=Path("a.jpg"), error=error)


def test_a_missing_pledge_says_who_registers_it_and_how() -> None:
    """A contributor, who submits, may not register pledges."""
    with pytest.raises(
        NotFoundError, match="vedette pledge add swe-1 -m unmiss --contributor CODE --marking"
    ) as told:
        _expect_pledge(refused("NOT_FOUND", "header.pledge"), PLEDGE, first=True)
    assert "ask an operator or administrator of the mission" in str(told.value)
    assert "'vedette pledge list -m unmiss' shows those that you may use" in str(told.value)
    assert PERMISSIONS["PledgeService.CreatePledge"].roles == {Role.OPERATOR, Role.ADMINISTRATOR}
    assert Role.CONTRIBUTOR in PERMISSIONS["PledgeService.ListPledges"].roles


@pytest.mark.parametrize(
    ("item", "first"),
    [
        (refused("NOT_FOUND", "header.pledge"), False),
        (refused("NOT_FOUND", "name"), True),
        (refused("INVALID_INPUT", "header.pledge"), True),
        (Sent(path=Path("a.jpg")), True),
    ],
)
def test_other_refusals_are_told_file_by_file(item: Sent, first: bool) -> None:
    _expect_pledge(item, PLEDGE, first=first)


def test_what_was_known_before_did_not_go_on_anywhere() -> None:
    imagery = imagery_pb2.Imagery(state=imagery_pb2.IMAGERY_STATE_PROCESSED)
    for duplicate, resumed in ((True, 0), (False, 500)):
        submitted = Submitted(imagery=imagery, duplicate=duplicate, resumed_from=500)
        item = Sent(path=Path("a.jpg"), submitted=submitted, imagery=imagery)
        assert item.document["resumed_from"] == resumed


def test_known_bytes_say_what_is_done_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    imagery = imagery_pb2.Imagery(
        name="missions/unmiss/imagery/abc", sortie="s-1", state=imagery_pb2.IMAGERY_STATE_QUEUED
    )
    for again, sortie in ((True, "s-1"), (False, "s-2")):
        submitted = Submitted(
            imagery=imagery, duplicate=True, looked_at_again=again, resumed_from=0
        )
        item = Sent(path=Path("a.jpg"), submitted=submitted, imagery=imagery)
        assert item.status == ("looked_at_again" if again else "already_known")
        _tell([item], sortie, "pose")
    first, total, second, _ = capsys.readouterr().out.splitlines()
    assert first == "queued a.jpg -> abc (known; looked at again with the stated pose)"
    assert total == "1 file: 0 accepted, 1 already known, 0 refused or failed"
    assert second == (
        "queued a.jpg -> abc (the mission already had these bytes; kept under sortie s-1)"
    )


def test_another_statement_is_another_request() -> None:
    time = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
    said = [("", None), ("{}", None), ("{ }", None), ("", time), ("{}", time)]
    made = [_request_id(PLEDGE, "s", "1\nab", pose, moment) for pose, moment in said]
    assert len(set(made)) == len(said)
    assert made == [_request_id(PLEDGE, "s", "1\nab", pose, moment) for pose, moment in said]
