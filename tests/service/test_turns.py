"""Jobs of one sortie end in the order they were begun; others do not wait for each other."""

from __future__ import annotations

import itertools
import random
import threading

from hypothesis import given
from hypothesis import strategies as st

from service.turns import Turn, Turns

WAIT_S = 10.0


def begin(turns: Turns, sortie: str | None) -> Turn:
    _, turn = turns.begin(lambda: None)
    if sortie is not None:
        turn.name(sortie)
    return turn


def waits(turn: Turn) -> bool:
    """Whether a turn has to wait; where it has, its thread is let go by whoever ends the others."""
    passed = threading.Event()

    def wait() -> None:
        turn.wait()
        passed.set()

    threading.Thread(target=wait, daemon=True).start()
    return not passed.wait(0.05)


def test_a_later_job_of_the_same_sortie_waits() -> None:
    turns = Turns()
    first, second = begin(turns, "a"), begin(turns, "a")
    assert waits(second)
    assert not waits(first)
    with first:
        pass
    assert not waits(second)


def test_another_sortie_does_not_wait() -> None:
    turns = Turns()
    begin(turns, "a")
    assert not waits(begin(turns, "b"))


def test_until_a_job_says_what_it_is_of_it_holds_back_all() -> None:
    turns = Turns()
    first, second = begin(turns, None), begin(turns, "b")
    assert waits(second)
    first.name("a")
    assert not waits(second)


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=8), st.integers(0, 2**31))
def test_every_sortie_keeps_its_order_however_long_its_jobs_take(
    sorties: list[str], seed: int
) -> None:
    turns = Turns()
    ended: list[tuple[str, int]] = []
    mine = [begin(turns, sortie) for sortie in sorties]

    def end(place: int) -> None:
        with mine[place] as turn:
            turn.wait()
            ended.append((sorties[place], place))

    threads = [threading.Thread(target=end, args=(place,)) for place in range(len(sorties))]
    random.Random(seed).shuffle(threads)  # noqa: S311 - an order, no secret
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    for _, group in itertools.groupby(sorted(ended, key=lambda it: it[0]), lambda it: it[0]):
        places = [place for _, place in group]
        assert places == sorted(places)
