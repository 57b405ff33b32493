from __future__ import annotations

import pytest

from pipelines.metadata.xmp import number, read_xmp
from tests.pipelines.photographs import dji_packet, packet

SKYDIO = 'xmlns:s="https://www.skydio.com/drone-skydio/1.0/"'


@pytest.mark.parametrize(
    "body",
    [
        's:Alt="5"><s:NED s:Yaw="1" s:Pitch="2"/></rdf:Description>',
        (
            '><s:Alt>5</s:Alt><s:NED rdf:parseType="Resource"><s:Yaw>1</s:Yaw>'
            "<s:Pitch>2</s:Pitch></s:NED></rdf:Description>"
        ),
        (
            '><s:Alt> 5 </s:Alt><s:NED><rdf:Description s:Yaw="1" s:Pitch="2"/></s:NED>'
            "</rdf:Description>"
        ),
    ],
)
def test_the_three_ways_to_write_a_structure_read_the_same(body: str) -> None:
    xmp = read_xmp([packet(body, SKYDIO)])
    assert xmp.group("drone-skydio") == {"Alt": "5", "NED/Yaw": "1", "NED/Pitch": "2"}
    assert xmp.faults == ()


def test_the_first_packet_wins_and_a_broken_one_is_a_fault() -> None:
    xmp = read_xmp([b"<x:xmpmeta", dji_packet(A="1"), dji_packet(A="2", B="3"), b"", b"\x00\x00"])
    assert xmp.group("drone-dji") == {"A": "1", "B": "3"}
    assert len(xmp.faults) == 3


def test_padding_and_rubbish_around_a_packet_do_no_harm() -> None:
    padded = b"\x00\x00<?xpacket begin?>" + dji_packet(A="1") + b"<?xpacket end='w'?>\x00 \x00!"
    assert read_xmp([padded]).group("drone-dji") == {"A": "1"}


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]>"
)


@pytest.mark.parametrize(
    "prologue",
    [
        BOMB,
        b'<!DOCTYPE b SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_entities_and_document_types_are_refused(prologue: bytes) -> None:
    xmp = read_xmp([prologue + dji_packet(A="&a;"), dji_packet(B="2")])
    assert "refused" in xmp.faults[0]
    assert xmp.group("drone-dji") == {"B": "2"}


def test_depth_and_size_are_bounded() -> None:
    deep = "<s:a>" * 5_000 + "</s:a>" * 5_000
    assert read_xmp([packet(f">{deep}</rdf:Description>", SKYDIO)]).faults == ()
    assert "longer" in read_xmp([b"<x:xmpmeta>" + bytes(5 << 20)]).faults[0]


def test_numbers_with_sign_are_numbers_and_nan_is_none() -> None:
    values = {"a": "+39.80", "b": "nan", "c": "1e999", "d": "x"}
    assert number(values, "a") == 39.8
    assert number(values, "b", "c", "d", "missing") is None
    assert number(values, "missing", "a") == 39.8
