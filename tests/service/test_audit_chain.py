from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInputError
from service.audit_chain import (
    GENESIS,
    AuditBrokenError,
    AuditEntry,
    ChainCheck,
    entry_hash,
    entry_line,
    parse_lines,
)

CHAIN = "missions/unmiss"


def chain_of(count: int, actor: str = "lt-berg") -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    previous = GENESIS
    for number in range(1, count + 1):
        entry = AuditEntry(
            chain=CHAIN,
            sequence=number,
            time_us=1_773_480_413_589_793 + number,
            actor=actor,
            role="operator",
            action="IncidentService.DecideIncident",
            subject=f"{CHAIN}/incidents/i-{number}",
            outcome="done",
            detail='{"reason":"Büsche ⚠","verdict":"VERDICT_DISMISSED"}',
            previous=previous,
            hash="",
        )
        entry = replace(entry, hash=entry_hash(entry))
        previous = entry.hash
        entries.append(entry)
    return entries


def walk(entries: list[AuditEntry], anchors: dict[int, str] | None = None) -> ChainCheck:
    check = ChainCheck(chain=CHAIN, anchors=anchors or {})
    for entry in entries:
        check.add(entry)
    check.end()
    return check


def first_broken(entries: list[AuditEntry], anchors: dict[int, str] | None = None) -> int:
    with pytest.raises(AuditBrokenError) as told:
        walk(entries, anchors)
    assert f"entry {told.value.sequence} of {CHAIN} " in str(told.value)
    return told.value.sequence


def test_the_hash_is_that_of_text_written_by_hand() -> None:
    (entry,) = chain_of(1)
    # As another implementation would write it, after the words of the contract.
    text = (
        '{"action":"IncidentService.DecideIncident","actor":"lt-berg","chain":"missions/unmiss",'
        '"detail":"{\\"reason\\":\\"Büsche ⚠\\",\\"verdict\\":\\"VERDICT_DISMISSED\\"}",'
        '"outcome":"done","previous":"' + "0" * 64 + '","role":"operator","sequence":1,'
        '"subject":"missions/unmiss/incidents/i-1","time_us":1773480413589794}'
    )
    assert entry.hash == hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_a_chain_as_it_was_written_is_found_right() -> None:
    entries = chain_of(20)
    assert walk(entries).head.sequence == 20
    assert walk(entries, {7: entries[6].hash, 20: entries[19].hash}).head.hash == entries[-1].hash


@pytest.mark.parametrize("name", [each.name for each in fields(AuditEntry)])
def test_a_change_of_any_field_breaks_it_there(name: str) -> None:
    entries = chain_of(5)
    value = getattr(entries[2], name)
    changed: Any = value + 1 if isinstance(value, int) else chr(ord(value[0]) ^ 1) + value[1:]
    entries[2] = replace(entries[2], **{name: changed})
    assert first_broken(entries) == 3


def test_whoever_mends_the_hash_breaks_the_next() -> None:
    entries = chain_of(5)
    forged = replace(entries[2], actor="maj-lund")
    entries[2] = replace(forged, hash=entry_hash(forged))
    assert first_broken(entries) == 4


@given(data=st.data())
def test_one_changed_byte_of_an_export_is_found(data: st.DataObject) -> None:
    entries = chain_of(4)
    lines = [entry_line(entry) for entry in entries]
    row = data.draw(st.integers(0, 3))
    raw = bytearray(lines[row].encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    lines[row] = raw.decode("utf-8", errors="replace")
    try:
        read = list(parse_lines(lines))
    except InvalidInputError as error:
        assert f"line {row + 1} " in str(error)  # noqa: PT017 - or else the chain tells
        return
    if read == entries:
        # JSON has several words for one value: a space where none was changes nothing that is told.
        assert json.loads(lines[row]) == asdict(entries[row])
        return
    assert first_broken(read) in {row + 1, row + 2}


def test_what_is_taken_out_added_or_moved_is_found() -> None:
    entries = chain_of(6)
    assert first_broken(entries[:2] + entries[3:]) == 3
    assert first_broken(entries[1:]) == 1
    assert first_broken(entries[:3] + entries[2:]) == 4
    assert first_broken([*entries[:2], entries[3], entries[2], *entries[4:]]) == 3


def test_a_cut_is_found_by_a_head_that_was_noted_and_only_by_it() -> None:
    entries = chain_of(6)
    assert walk(entries[:4]).head.sequence == 4
    assert first_broken(entries[:4], {6: entries[5].hash}) == 5
    assert first_broken([], {1: entries[0].hash}) == 1


def test_a_chain_that_was_written_anew_is_found_by_a_head_and_only_by_it() -> None:
    mine, forged = chain_of(6), chain_of(6, actor="nobody")
    assert walk(forged).head.sequence == 6
    assert first_broken(forged, {5: mine[4].hash}) == 5


def test_an_export_is_read_back_as_it_was() -> None:
    entries = chain_of(3)
    lines = [entry_line(entry) + "\n" for entry in entries]
    assert list(parse_lines([*lines, "\n"])) == entries


@pytest.mark.parametrize(
    "line", ["no json", "[]", "{}", '{"chain": 1}', entry_line(chain_of(1)[0])[:-1] + ',"x":1}']
)
def test_what_is_no_entry_is_refused_by_its_line(line: str) -> None:
    with pytest.raises(InvalidInputError, match="line 2 is no entry of the audit"):
        list(parse_lines([entry_line(chain_of(1)[0]), line]))


def test_a_number_is_no_text_and_yes_is_no_number() -> None:
    document = asdict(chain_of(1)[0])
    for name, wrong in (("sequence", True), ("sequence", "1"), ("actor", 1)):
        with pytest.raises(InvalidInputError, match=f"{name} is no"):
            list(parse_lines([json.dumps(document | {name: wrong})]))
