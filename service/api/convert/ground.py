"""Places on the ground as messages."""

from __future__ import annotations

from vedette.v1 import ground_pb2

from pipelines.ground import GroundPoint
from pipelines.outcome import Outcome
from pipelines.products.grid_reference import mgrs
from service.api.convert.values import numbers

OUTCOMES = numbers(ground_pb2.Outcome, "OUTCOME", Outcome)


def ground_message(point: GroundPoint) -> ground_pb2.GroundPoint:
    """A place on the ground; without OUTCOME_LOCATED only the outcome."""
    message = ground_pb2.GroundPoint(outcome=OUTCOMES[point.outcome])
    if point.outcome is not Outcome.LOCATED:
        return message
    message.terrain = point.terrain
    message.occlusion_risk = point.occlusion_risk
    for field in ("latitude_deg", "longitude_deg", "hae_m", "ce90_m", "le90_m", "slant_range_m"):
        value = getattr(point, field)
        if value is not None:
            setattr(message, field, value)
    if point.covariance_enu_m2 is not None:
        message.covariance_enu_m2.extend(float(v) for v in point.covariance_enu_m2.ravel())
    if point.latitude_deg is not None and point.longitude_deg is not None:
        message.mgrs = mgrs(point.latitude_deg, point.longitude_deg)
    return message
