"""How long a client tries again."""

from __future__ import annotations

import pytest

from service import patience
from service.patience import Backoff, Waits


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time in place of the machine's."""
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


def tried_for(waits: Waits, clock: Clock, tries_s: float) -> float:
    """Seconds until it gives up, where each try takes so long."""
    began = clock.now_s
    while waits.pause():
        waits.streaming()
        clock.sleep(tries_s)
    return clock.now_s - began


def test_it_gives_up_after_its_time_without_progress(clock: Clock) -> None:
    """Also where each try takes as long as a connection that nobody answers."""
    assert tried_for(Waits(Backoff(give_up_s=60.0), lambda: None), clock, 0.0) == 60.0
    hanging = tried_for(Waits(Backoff(give_up_s=60.0), lambda: None), clock, 20.0)
    assert 60.0 <= hanging <= 80.0


def test_an_open_stream_with_nothing_to_tell_is_progress(clock: Clock) -> None:
    """A watch that was quiet for an hour has all its patience when the service starts again."""
    waits = Waits(Backoff(give_up_s=60.0), lambda: None)
    waits.streaming()
    clock.sleep(3600.0)
    assert tried_for(waits, clock, 0.0) == 60.0


def test_time_without_a_stream_is_none(clock: Clock) -> None:
    """What takes long between two tries renews nothing."""
    waits = Waits(Backoff(give_up_s=60.0), lambda: None)
    clock.sleep(3600.0)
    assert not waits.pause()


def test_a_service_that_answers_is_tried_again_soon(clock: Clock) -> None:
    """A line that breaks each second lets more through the more often it is tried."""
    waits = Waits(Backoff(give_up_s=60.0), lambda: None)
    tries = 0
    while waits.pause():
        waits.reached()
        tries += 1
    assert tries >= 60
    assert clock.now_s == 1060.0
