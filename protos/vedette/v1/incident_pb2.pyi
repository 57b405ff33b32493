import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vedette.v1 import ground_pb2 as _ground_pb2
from vedette.v1 import pledge_pb2 as _pledge_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IncidentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_STATE_UNSPECIFIED: _ClassVar[IncidentState]
    INCIDENT_STATE_OPEN: _ClassVar[IncidentState]
    INCIDENT_STATE_ACKNOWLEDGED: _ClassVar[IncidentState]
    INCIDENT_STATE_CONFIRMED: _ClassVar[IncidentState]
    INCIDENT_STATE_DISMISSED: _ClassVar[IncidentState]

class IncidentLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_LEVEL_UNSPECIFIED: _ClassVar[IncidentLevel]
    INCIDENT_LEVEL_POSSIBLE: _ClassVar[IncidentLevel]
    INCIDENT_LEVEL_ALERT: _ClassVar[IncidentLevel]

class IncidentEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_EVENT_KIND_UNSPECIFIED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_RAISED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_UPDATED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_ESCALATED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_DECIDED: _ClassVar[IncidentEventKind]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACKNOWLEDGED: _ClassVar[Verdict]
    VERDICT_CONFIRMED: _ClassVar[Verdict]
    VERDICT_DISMISSED: _ClassVar[Verdict]
INCIDENT_STATE_UNSPECIFIED: IncidentState
INCIDENT_STATE_OPEN: IncidentState
INCIDENT_STATE_ACKNOWLEDGED: IncidentState
INCIDENT_STATE_CONFIRMED: IncidentState
INCIDENT_STATE_DISMISSED: IncidentState
INCIDENT_LEVEL_UNSPECIFIED: IncidentLevel
INCIDENT_LEVEL_POSSIBLE: IncidentLevel
INCIDENT_LEVEL_ALERT: IncidentLevel
INCIDENT_EVENT_KIND_UNSPECIFIED: IncidentEventKind
INCIDENT_EVENT_KIND_RAISED: IncidentEventKind
INCIDENT_EVENT_KIND_UPDATED: IncidentEventKind
INCIDENT_EVENT_KIND_ESCALATED: IncidentEventKind
INCIDENT_EVENT_KIND_DECIDED: IncidentEventKind
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACKNOWLEDGED: Verdict
VERDICT_CONFIRMED: Verdict
VERDICT_DISMISSED: Verdict

class Incident(_message.Message):
    __slots__ = ("name", "state", "level", "category", "confidence", "ground", "position", "position_display_name", "range_m", "range_low_m", "range_high_m", "bearing_deg", "probability", "radius_m", "rule", "imagery", "sighting_count", "first_seen_time", "last_seen_time", "raise_time", "revision", "marking", "decision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    GROUND_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    RANGE_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_LOW_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_HIGH_M_FIELD_NUMBER: _ClassVar[int]
    BEARING_DEG_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    SIGHTING_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    RAISE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: IncidentState
    level: IncidentLevel
    category: str
    confidence: float
    ground: _ground_pb2.GroundPoint
    position: str
    position_display_name: str
    range_m: float
    range_low_m: float
    range_high_m: float
    bearing_deg: float
    probability: float
    radius_m: float
    rule: str
    imagery: str
    sighting_count: int
    first_seen_time: _timestamp_pb2.Timestamp
    last_seen_time: _timestamp_pb2.Timestamp
    raise_time: _timestamp_pb2.Timestamp
    revision: int
    marking: _pledge_pb2.Marking
    decision: Decision
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[IncidentState, str]] = ..., level: _Optional[_Union[IncidentLevel, str]] = ..., category: _Optional[str] = ..., confidence: _Optional[float] = ..., ground: _Optional[_Union[_ground_pb2.GroundPoint, _Mapping]] = ..., position: _Optional[str] = ..., position_display_name: _Optional[str] = ..., range_m: _Optional[float] = ..., range_low_m: _Optional[float] = ..., range_high_m: _Optional[float] = ..., bearing_deg: _Optional[float] = ..., probability: _Optional[float] = ..., radius_m: _Optional[float] = ..., rule: _Optional[str] = ..., imagery: _Optional[str] = ..., sighting_count: _Optional[int] = ..., first_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., raise_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("verdict", "reason", "decided_by", "decide_time")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    reason: str
    decided_by: str
    decide_time: _timestamp_pb2.Timestamp
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., decided_by: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentEvent(_message.Message):
    __slots__ = ("sequence", "kind", "incident", "event_time")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    kind: IncidentEventKind
    incident: Incident
    event_time: _timestamp_pb2.Timestamp
    def __init__(self, sequence: _Optional[int] = ..., kind: _Optional[_Union[IncidentEventKind, str]] = ..., incident: _Optional[_Union[Incident, _Mapping]] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetIncidentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListIncidentsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "states")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[IncidentState]
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[IncidentState, str]]] = ...) -> None: ...

class ListIncidentsResponse(_message.Message):
    __slots__ = ("incidents", "next_page_token")
    INCIDENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    incidents: _containers.RepeatedCompositeFieldContainer[Incident]
    next_page_token: str
    def __init__(self, incidents: _Optional[_Iterable[_Union[Incident, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SubscribeIncidentsRequest(_message.Message):
    __slots__ = ("parent", "since", "replay_only")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REPLAY_ONLY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    since: int
    replay_only: bool
    def __init__(self, parent: _Optional[str] = ..., since: _Optional[int] = ..., replay_only: _Optional[bool] = ...) -> None: ...

class DecideIncidentRequest(_message.Message):
    __slots__ = ("name", "verdict", "reason", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    verdict: Verdict
    reason: str
    revision: int
    def __init__(self, name: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...
