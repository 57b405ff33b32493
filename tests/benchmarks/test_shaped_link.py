"""One way of the link: rate, delay, queue and losses as stated, without any device."""

from __future__ import annotations

import pytest

from benchmarks.shaped_link import Direction, Shape

KBIT = Shape(rate_bit_s=256_000, delay_s=0.3, loss=0.0, queue_bytes=64_000)


def test_a_lone_packet_takes_its_length_and_the_delay() -> None:
    # 1,000 bytes are 8,000 bits: 31.25 ms at 256 kbit/s.
    assert Direction(KBIT, 1).arrival(1000, 5.0) == pytest.approx(5.0 + 0.03125 + 0.3)


def test_packets_at_once_come_at_the_rate() -> None:
    way = Direction(KBIT, 1)
    arrivals = [way.arrival(1000, 0.0) for _ in range(32)]
    assert arrivals[-1] == pytest.approx(1.0 + 0.3)
    assert all(late is not None for late in arrivals)


def test_a_full_queue_drops() -> None:
    way = Direction(KBIT, 1)
    arrived = sum(way.arrival(1000, 0.0) is not None for _ in range(100))
    # 64,000 bytes wait, and no more: the first is on its way at once, but has not left yet.
    assert arrived == 64
    # Half a second later half a second's worth of bytes has left.
    assert sum(way.arrival(1000, 0.5) is not None for _ in range(100)) == 16


def test_losses_are_as_many_as_stated_and_the_same_for_a_seed() -> None:
    lossy = Shape(rate_bit_s=1e9, delay_s=0.0, loss=0.02, queue_bytes=10**9)
    ways = [Direction(lossy, 3), Direction(lossy, 3), Direction(lossy, 4)]
    told = [[way.arrival(100, float(n)) is None for n in range(20_000)] for way in ways]
    # Three standard deviations of a binomial of 20,000 at 2 % are 59.
    assert sum(told[0]) == pytest.approx(400, abs=60)
    assert told[0] == told[1] != told[2]
