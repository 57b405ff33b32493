"""Pledges as messages."""

from __future__ import annotations

from vedette.v1 import pledge_pb2

from service.api import names
from service.api.convert.values import numbers, timestamp
from service.ledger.records import Marking, PledgeRecord

MARKINGS = numbers(pledge_pb2.Marking, "MARKING", Marking)


def pledge_message(record: PledgeRecord) -> pledge_pb2.Pledge:
    """A pledge."""
    return pledge_pb2.Pledge(
        name=names.pledge_name(record.mission_id, record.pledge_id),
        contributor=record.contributor,
        capability=record.capability,
        platform=record.platform,
        marking=MARKINGS[record.marking],
        create_time=timestamp(record.created_at),
    )
