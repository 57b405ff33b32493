from __future__ import annotations

import threading
from pathlib import Path

import pytest

from service.audit_chain import AuditHead
from service.audit_heads import AuditHeads


def head(sequence: int) -> AuditHead:
    return AuditHead(sequence=sequence, hash=f"{sequence:064x}")


def test_a_head_is_on_disk_when_it_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "audit-heads.json"
    heads = AuditHeads(file)
    assert heads.heads == {}
    heads.note("missions/unmiss", head(1))
    assert AuditHeads(file).heads == {"missions/unmiss": head(1)}
    heads.note("installation", head(4))
    assert AuditHeads(file).heads == {"missions/unmiss": head(1), "installation": head(4)}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_head_never_goes_back(tmp_path: Path) -> None:
    heads = AuditHeads(tmp_path / "h")
    for sequence in (3, 2, 1):
        heads.note("c", head(sequence))
    assert AuditHeads(tmp_path / "h").heads == {"c": head(3)}


def test_many_at_once_end_with_the_last_of_each_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "h"
    heads = AuditHeads(file)
    seen_too_early = []

    def note(chain: str) -> None:
        for sequence in range(1, 26):
            heads.note(chain, head(sequence))
            if AuditHeads(file).heads[chain].sequence < sequence:
                seen_too_early.append(sequence)

    threads = [threading.Thread(target=note, args=(f"missions/m-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen_too_early == []
    assert AuditHeads(file).heads == {f"missions/m-{n}": head(25) for n in range(4)}


def test_a_disk_that_takes_nothing_stops_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heads = AuditHeads(tmp_path / "missing" / "h")
    heads.note("c", head(1))
    assert "cannot be noted" in caplog.text
    (tmp_path / "missing").mkdir()
    heads.note("c", head(2))
    assert AuditHeads(tmp_path / "missing" / "h").heads == {"c": head(2)}
