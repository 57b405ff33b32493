from __future__ import annotations

import threading
from pathlib import Path

import pytest

from service.audit_chain import AuditHead
from service.audit_heads import AuditHeads
from service.errors import StartupError


def head(sequence: int, letter: str = "0") -> AuditHead:
    return AuditHead(sequence=sequence, hash=f"{sequence:063x}{letter}")


def noted(file: Path) -> dict[str, AuditHead]:
    """What another process reads there."""
    return {chain: each.head for chain, each in AuditHeads(file).chains.items()}


def test_a_head_is_on_disk_when_it_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "audit-heads.json"
    heads = AuditHeads(file)
    assert heads.chains == {}
    heads.note("missions/unmiss", head(1))
    assert noted(file) == {"missions/unmiss": head(1)}
    heads.note("installation", head(4))
    assert noted(file) == {"missions/unmiss": head(1), "installation": head(4)}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_head_never_goes_back(tmp_path: Path) -> None:
    heads = AuditHeads(tmp_path / "h")
    for sequence in (3, 2, 1):
        heads.note("c", head(sequence))
    assert noted(tmp_path / "h") == {"c": head(3)}
    assert heads.chains["c"].lost == []


def test_many_at_once_end_with_the_last_of_each_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "h"
    heads = AuditHeads(file)
    seen_too_early = []

    def note(chain: str) -> None:
        for sequence in range(1, 26):
            heads.note(chain, head(sequence))
            if noted(file)[chain].sequence < sequence:
                seen_too_early.append(sequence)

    threads = [threading.Thread(target=note, args=(f"missions/m-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen_too_early == []
    assert noted(file) == {f"missions/m-{n}": head(25) for n in range(4)}


def test_what_the_ledger_contradicts_is_kept_for_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "h"
    heads = AuditHeads(file)
    for chain in ("cut", "forged", "right"):
        heads.note(chain, head(7))
    ledger = {("forged", 7): head(7, "f").hash, ("right", 7): head(7).hash}
    heads = AuditHeads(file)
    heads.compare(lambda chain, sequence: ledger.get((chain, sequence)))
    assert [chain for chain, each in heads.chains.items() if each.lost] == ["cut", "forged"]
    assert caplog.text.count("was cut, or replaced") == 2
    # While it runs: the chain comes by the noted end again, and has another entry there.
    heads.note("right", head(7, "e"))
    for sequence in (3, 9):
        heads.note("cut", head(sequence, "c"))
    after = AuditHeads(file).chains
    assert (after["cut"].head, after["cut"].lost) == (head(9, "c"), [head(7)])
    assert (after["right"].head, after["right"].lost) == (head(7, "e"), [head(7)])


def test_a_file_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    for text in ("", "[]", '{"c": {"sequence": 1}}', '{"c": 1}'):
        (tmp_path / "h").write_text(text)
        with pytest.raises(StartupError, match="restore it from a backup"):
            AuditHeads(tmp_path / "h")


def test_a_disk_that_takes_nothing_stops_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heads = AuditHeads(tmp_path / "missing" / "h")
    heads.note("c", head(1))
    assert "cannot be noted" in caplog.text
    (tmp_path / "missing").mkdir()
    heads.note("c", head(2))
    assert noted(tmp_path / "missing" / "h") == {"c": head(2)}
