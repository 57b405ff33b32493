"""Chips are cut in another process, which a hostile original may end without ending the service."""

from __future__ import annotations

import io
import os
import signal

import numpy as np
import pytest
from PIL import Image

from models.errors import UnreadableImageError
from pipelines.products.thin_chip import thin_chip
from service.chip_room import ChipRoom

BOX = (100.0, 80.0, 140.0, 110.0)


def png() -> bytes:
    out = io.BytesIO()
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (300, 400, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def process_of(room: ChipRoom) -> int:
    assert room._pool is not None
    (found,) = room._pool._processes
    return int(found)


def test_a_chip_is_that_of_this_process_and_faults_come_back() -> None:
    room = ChipRoom()
    data = png()
    assert room.cut(data, BOX, 20_000).jpeg == thin_chip(data, None, BOX).jpeg
    with pytest.raises(UnreadableImageError):
        room.cut(data[:200], BOX, 20_000)
    room.close()


def test_it_is_another_process_which_ends_with_the_room() -> None:
    room = ChipRoom()
    data = png()
    room.cut(data, BOX, 20_000)
    process = process_of(room)
    room.cut(data, BOX, 5_000)
    assert process == process_of(room) != os.getpid()
    room.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_what_ends_the_process_ends_one_chip() -> None:
    room = ChipRoom()
    data = png()
    chip = room.cut(data, BOX, 20_000)
    os.kill(process_of(room), signal.SIGKILL)
    with pytest.raises(UnreadableImageError, match="ended the process"):
        room.cut(data, BOX, 20_000)
    assert room.cut(data, BOX, 20_000).jpeg == chip.jpeg
    room.close()
