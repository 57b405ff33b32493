"""A long stay under a stare: more looks than a track keeps one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.threats.incidents.incident import ChangeKind
from pipelines.threats.incidents.sentry import Watch
from pipelines.threats.positions.position import Position, PositionKind
from pipelines.threats.rules.requirements import Dwell, WhenUnknown
from pipelines.threats.rules.rule import DEFAULT_RULE
from pipelines.threats.tracks.track import POINTS_KEPT
from pipelines.threats.tracks.tracker import Frame

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
METRE = 1.0 / 110_600.0
EVERY_S = 10
POST = Position(
    position_id="post",
    display_name="Post",
    kind=PositionKind.POST,
    latitude_deg=4.0,
    longitude_deg=18.0,
)
RING = np.array([[17.99, 3.99], [18.01, 3.99], [18.01, 4.01], [17.99, 4.01], [17.99, 3.99]])


def stare(
    north_m: Callable[[int], float], when_unknown: WhenUnknown
) -> tuple[int | None, str, list[str]]:
    """Half an hour of frames, one each ten seconds, of one person and a rule of 25 minutes.

    Returns:
        Seconds until an incident was raised, None for never; its reason; why the sightings of the
        frames before were not shown.
    """
    asked = Dwell(min_s=1500.0, when_unknown=when_unknown)
    rule = replace(DEFAULT_RULE, rule_id="loiters", radius_m=200.0, dwell=asked)
    watch = Watch()
    withheld: list[str] = []
    for seconds in range(0, 1801, EVERY_S):
        frame = Frame(
            imagery_id=f"i{seconds}",
            captured_at=NOON + timedelta(seconds=seconds),
            ground=[
                GroundPoint(
                    outcome=Outcome.LOCATED,
                    latitude_deg=4.0 + north_m(seconds) * METRE,
                    longitude_deg=18.0,
                    hae_m=400.0,
                    covariance_enu_m2=np.diag([4.0, 4.0, 4.0]),
                    ce90_m=4.3,
                )
            ],
            categories=["person"],
            confidences=[0.9],
            footprint_lonlat=RING,
        )
        watch, seen = watch.observe(frame, positions=[POST], rules=[rule])
        for change in seen.changes:
            if change.kind is ChangeKind.RAISED:
                assert len(watch.tracks) == 1
                return seconds, change.incident.reason, withheld
        withheld += [it.reason for it in seen.suppressed]
    assert len(watch.tracks) == 1
    return None, "", withheld


def test_a_stay_that_its_looks_cannot_prove_is_shown_at_its_bound_and_not_before() -> None:
    raised, reason, withheld = stare(lambda _: 100.0, WhenUnknown.SHOW)
    # Not a look too early, not one too late, and the sentence says what is known.
    assert raised == 1500
    assert set(withheld) == {"DWELL_TOO_SHORT"}
    proved = (POINTS_KEPT - 1) * EVERY_S
    assert f"there for {proved // 60}:{proved % 60:02} to 25:00" in reason


def test_a_rule_that_withholds_what_is_not_known_never_shows_a_longer_stay_than_looks_prove() -> (
    None
):
    raised, _, withheld = stare(lambda _: 100.0, WhenUnknown.WITHHOLD)
    assert raised is None
    assert withheld.count("DWELL_UNKNOWN") == (1800 - 1500) // EVERY_S + 1
    assert withheld.count("DWELL_TOO_SHORT") == 1500 // EVERY_S


@pytest.mark.parametrize("left_s", [1450, 1600])
def test_who_was_outside_a_moment_ago_has_not_stayed(left_s: int) -> None:
    # It walks out of the radius and back, a metre a second: the looks that are kept show it.
    def north_m(seconds: int) -> float:
        return 190.0 + max(0.0, 40.0 - abs(seconds - left_s - 40.0))

    raised, _, withheld = stare(north_m, WhenUnknown.SHOW)
    if left_s == 1600:
        # It had stayed long enough before.
        assert raised == 1500
        return
    # While a look of it outside is kept, the bound falls with it; after that, whether it was ever
    # outside is not known any more, and it may have been there all the time.
    assert raised is not None
    last_outside = left_s + 40 + 30 - EVERY_S
    assert last_outside + (POINTS_KEPT - 1) * EVERY_S <= raised <= last_outside + 200
    assert set(withheld) == {"DWELL_TOO_SHORT"}
