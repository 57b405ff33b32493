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
    INCIDENT_STATE_CANCELLED: _ClassVar[IncidentState]
    INCIDENT_STATE_EXPIRED: _ClassVar[IncidentState]
    INCIDENT_STATE_MERGED: _ClassVar[IncidentState]

class IncidentLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_LEVEL_UNSPECIFIED: _ClassVar[IncidentLevel]
    INCIDENT_LEVEL_POSSIBLE: _ClassVar[IncidentLevel]
    INCIDENT_LEVEL_ALERT: _ClassVar[IncidentLevel]

class IncidentSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_SEVERITY_UNSPECIFIED: _ClassVar[IncidentSeverity]
    INCIDENT_SEVERITY_LOW: _ClassVar[IncidentSeverity]
    INCIDENT_SEVERITY_MEDIUM: _ClassVar[IncidentSeverity]
    INCIDENT_SEVERITY_HIGH: _ClassVar[IncidentSeverity]

class IncidentEventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_EVENT_KIND_UNSPECIFIED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_RAISED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_UPDATED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_ESCALATED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_DECIDED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_DE_ESCALATED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_CANCELLED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_EXPIRED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_MERGED: _ClassVar[IncidentEventKind]
    INCIDENT_EVENT_KIND_RELEASED: _ClassVar[IncidentEventKind]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACKNOWLEDGED: _ClassVar[Verdict]
    VERDICT_CONFIRMED: _ClassVar[Verdict]
    VERDICT_DISMISSED: _ClassVar[Verdict]
    VERDICT_ESCALATED: _ClassVar[Verdict]

class ReasonCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_CODE_UNSPECIFIED: _ClassVar[ReasonCode]
    REASON_CODE_VEGETATION: _ClassVar[ReasonCode]
    REASON_CODE_ANIMAL: _ClassVar[ReasonCode]
    REASON_CODE_OWN_FORCES: _ClassVar[ReasonCode]
    REASON_CODE_CIVILIAN_ROUTINE: _ClassVar[ReasonCode]
    REASON_CODE_ARTEFACT: _ClassVar[ReasonCode]
    REASON_CODE_DUPLICATE: _ClassVar[ReasonCode]
    REASON_CODE_OTHER: _ClassVar[ReasonCode]

class IncidentDetail(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INCIDENT_DETAIL_UNSPECIFIED: _ClassVar[IncidentDetail]
    INCIDENT_DETAIL_FULL: _ClassVar[IncidentDetail]
    INCIDENT_DETAIL_BRIEF: _ClassVar[IncidentDetail]
INCIDENT_STATE_UNSPECIFIED: IncidentState
INCIDENT_STATE_OPEN: IncidentState
INCIDENT_STATE_ACKNOWLEDGED: IncidentState
INCIDENT_STATE_CONFIRMED: IncidentState
INCIDENT_STATE_DISMISSED: IncidentState
INCIDENT_STATE_CANCELLED: IncidentState
INCIDENT_STATE_EXPIRED: IncidentState
INCIDENT_STATE_MERGED: IncidentState
INCIDENT_LEVEL_UNSPECIFIED: IncidentLevel
INCIDENT_LEVEL_POSSIBLE: IncidentLevel
INCIDENT_LEVEL_ALERT: IncidentLevel
INCIDENT_SEVERITY_UNSPECIFIED: IncidentSeverity
INCIDENT_SEVERITY_LOW: IncidentSeverity
INCIDENT_SEVERITY_MEDIUM: IncidentSeverity
INCIDENT_SEVERITY_HIGH: IncidentSeverity
INCIDENT_EVENT_KIND_UNSPECIFIED: IncidentEventKind
INCIDENT_EVENT_KIND_RAISED: IncidentEventKind
INCIDENT_EVENT_KIND_UPDATED: IncidentEventKind
INCIDENT_EVENT_KIND_ESCALATED: IncidentEventKind
INCIDENT_EVENT_KIND_DECIDED: IncidentEventKind
INCIDENT_EVENT_KIND_DE_ESCALATED: IncidentEventKind
INCIDENT_EVENT_KIND_CANCELLED: IncidentEventKind
INCIDENT_EVENT_KIND_EXPIRED: IncidentEventKind
INCIDENT_EVENT_KIND_MERGED: IncidentEventKind
INCIDENT_EVENT_KIND_RELEASED: IncidentEventKind
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACKNOWLEDGED: Verdict
VERDICT_CONFIRMED: Verdict
VERDICT_DISMISSED: Verdict
VERDICT_ESCALATED: Verdict
REASON_CODE_UNSPECIFIED: ReasonCode
REASON_CODE_VEGETATION: ReasonCode
REASON_CODE_ANIMAL: ReasonCode
REASON_CODE_OWN_FORCES: ReasonCode
REASON_CODE_CIVILIAN_ROUTINE: ReasonCode
REASON_CODE_ARTEFACT: ReasonCode
REASON_CODE_DUPLICATE: ReasonCode
REASON_CODE_OTHER: ReasonCode
INCIDENT_DETAIL_UNSPECIFIED: IncidentDetail
INCIDENT_DETAIL_FULL: IncidentDetail
INCIDENT_DETAIL_BRIEF: IncidentDetail

class Incident(_message.Message):
    __slots__ = ("name", "state", "level", "category", "confidence", "ground", "position", "position_display_name", "range_m", "range_low_m", "range_high_m", "bearing_deg", "probability", "radius_m", "rule", "imagery", "sighting_count", "first_seen_time", "last_seen_time", "raise_time", "revision", "marking", "decision", "severity", "severity_reason", "track", "speed_m_s", "speed_sigma_m_s", "heading_deg", "heading_sigma_deg", "object_count", "merged_into", "releases", "caveats", "near", "more_near_count")
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
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_REASON_FIELD_NUMBER: _ClassVar[int]
    TRACK_FIELD_NUMBER: _ClassVar[int]
    SPEED_M_S_FIELD_NUMBER: _ClassVar[int]
    SPEED_SIGMA_M_S_FIELD_NUMBER: _ClassVar[int]
    HEADING_DEG_FIELD_NUMBER: _ClassVar[int]
    HEADING_SIGMA_DEG_FIELD_NUMBER: _ClassVar[int]
    OBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    MERGED_INTO_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    CAVEATS_FIELD_NUMBER: _ClassVar[int]
    NEAR_FIELD_NUMBER: _ClassVar[int]
    MORE_NEAR_COUNT_FIELD_NUMBER: _ClassVar[int]
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
    severity: IncidentSeverity
    severity_reason: str
    track: str
    speed_m_s: float
    speed_sigma_m_s: float
    heading_deg: float
    heading_sigma_deg: float
    object_count: int
    merged_into: str
    releases: _containers.RepeatedCompositeFieldContainer[Release]
    caveats: _containers.RepeatedScalarFieldContainer[_pledge_pb2.Caveat]
    near: _containers.RepeatedCompositeFieldContainer[NearPosition]
    more_near_count: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[IncidentState, str]] = ..., level: _Optional[_Union[IncidentLevel, str]] = ..., category: _Optional[str] = ..., confidence: _Optional[float] = ..., ground: _Optional[_Union[_ground_pb2.GroundPoint, _Mapping]] = ..., position: _Optional[str] = ..., position_display_name: _Optional[str] = ..., range_m: _Optional[float] = ..., range_low_m: _Optional[float] = ..., range_high_m: _Optional[float] = ..., bearing_deg: _Optional[float] = ..., probability: _Optional[float] = ..., radius_m: _Optional[float] = ..., rule: _Optional[str] = ..., imagery: _Optional[str] = ..., sighting_count: _Optional[int] = ..., first_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., raise_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revision: _Optional[int] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ..., decision: _Optional[_Union[Decision, _Mapping]] = ..., severity: _Optional[_Union[IncidentSeverity, str]] = ..., severity_reason: _Optional[str] = ..., track: _Optional[str] = ..., speed_m_s: _Optional[float] = ..., speed_sigma_m_s: _Optional[float] = ..., heading_deg: _Optional[float] = ..., heading_sigma_deg: _Optional[float] = ..., object_count: _Optional[int] = ..., merged_into: _Optional[str] = ..., releases: _Optional[_Iterable[_Union[Release, _Mapping]]] = ..., caveats: _Optional[_Iterable[_Union[_pledge_pb2.Caveat, str]]] = ..., near: _Optional[_Iterable[_Union[NearPosition, _Mapping]]] = ..., more_near_count: _Optional[int] = ...) -> None: ...

class NearPosition(_message.Message):
    __slots__ = ("position", "position_display_name", "level", "severity", "severity_reason", "range_m", "range_low_m", "range_high_m", "bearing_deg", "probability", "radius_m", "rule", "last_near_time")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_REASON_FIELD_NUMBER: _ClassVar[int]
    RANGE_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_LOW_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_HIGH_M_FIELD_NUMBER: _ClassVar[int]
    BEARING_DEG_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    LAST_NEAR_TIME_FIELD_NUMBER: _ClassVar[int]
    position: str
    position_display_name: str
    level: IncidentLevel
    severity: IncidentSeverity
    severity_reason: str
    range_m: float
    range_low_m: float
    range_high_m: float
    bearing_deg: float
    probability: float
    radius_m: float
    rule: str
    last_near_time: _timestamp_pb2.Timestamp
    def __init__(self, position: _Optional[str] = ..., position_display_name: _Optional[str] = ..., level: _Optional[_Union[IncidentLevel, str]] = ..., severity: _Optional[_Union[IncidentSeverity, str]] = ..., severity_reason: _Optional[str] = ..., range_m: _Optional[float] = ..., range_low_m: _Optional[float] = ..., range_high_m: _Optional[float] = ..., bearing_deg: _Optional[float] = ..., probability: _Optional[float] = ..., radius_m: _Optional[float] = ..., rule: _Optional[str] = ..., last_near_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Release(_message.Message):
    __slots__ = ("recipient", "reason", "proposed_by", "propose_time", "approved_by", "approve_time", "position")
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    PROPOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    APPROVE_TIME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    recipient: str
    reason: str
    proposed_by: str
    propose_time: _timestamp_pb2.Timestamp
    approved_by: str
    approve_time: _timestamp_pb2.Timestamp
    position: str
    def __init__(self, recipient: _Optional[str] = ..., reason: _Optional[str] = ..., proposed_by: _Optional[str] = ..., propose_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., approved_by: _Optional[str] = ..., approve_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., position: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("verdict", "reason", "decided_by", "decide_time", "reason_code")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    reason: str
    decided_by: str
    decide_time: _timestamp_pb2.Timestamp
    reason_code: ReasonCode
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., decided_by: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason_code: _Optional[_Union[ReasonCode, str]] = ...) -> None: ...

class IncidentEvent(_message.Message):
    __slots__ = ("sequence", "kind", "incident", "event_time", "brief", "chip", "summary", "resume_after")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    BRIEF_FIELD_NUMBER: _ClassVar[int]
    CHIP_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    kind: IncidentEventKind
    incident: Incident
    event_time: _timestamp_pb2.Timestamp
    brief: IncidentBrief
    chip: IncidentChip
    summary: EventSummary
    resume_after: int
    def __init__(self, sequence: _Optional[int] = ..., kind: _Optional[_Union[IncidentEventKind, str]] = ..., incident: _Optional[_Union[Incident, _Mapping]] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., brief: _Optional[_Union[IncidentBrief, _Mapping]] = ..., chip: _Optional[_Union[IncidentChip, _Mapping]] = ..., summary: _Optional[_Union[EventSummary, _Mapping]] = ..., resume_after: _Optional[int] = ...) -> None: ...

class GetIncidentRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListIncidentsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "states", "position")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[IncidentState]
    position: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[IncidentState, str]]] = ..., position: _Optional[str] = ...) -> None: ...

class ListIncidentsResponse(_message.Message):
    __slots__ = ("incidents", "next_page_token")
    INCIDENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    incidents: _containers.RepeatedCompositeFieldContainer[Incident]
    next_page_token: str
    def __init__(self, incidents: _Optional[_Iterable[_Union[Incident, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SubscribeIncidentsRequest(_message.Message):
    __slots__ = ("parent", "since", "replay_only", "detail", "chips_from", "events_per_hour")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REPLAY_ONLY_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHIPS_FROM_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_HOUR_FIELD_NUMBER: _ClassVar[int]
    parent: str
    since: int
    replay_only: bool
    detail: IncidentDetail
    chips_from: IncidentSeverity
    events_per_hour: int
    def __init__(self, parent: _Optional[str] = ..., since: _Optional[int] = ..., replay_only: _Optional[bool] = ..., detail: _Optional[_Union[IncidentDetail, str]] = ..., chips_from: _Optional[_Union[IncidentSeverity, str]] = ..., events_per_hour: _Optional[int] = ...) -> None: ...

class IncidentBrief(_message.Message):
    __slots__ = ("incident_id", "revision", "state", "level", "severity", "category", "object_count", "latitude_e7", "longitude_e7", "ce90_m", "position_id", "range_m", "range_low_m", "range_high_m", "bearing_deg", "probability", "confidence", "reason", "speed_m_s", "heading_deg", "sighting_count", "last_seen_unix_s", "imagery_id", "marking", "verdict", "others_near_count")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    OBJECT_COUNT_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_E7_FIELD_NUMBER: _ClassVar[int]
    CE90_M_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    RANGE_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_LOW_M_FIELD_NUMBER: _ClassVar[int]
    RANGE_HIGH_M_FIELD_NUMBER: _ClassVar[int]
    BEARING_DEG_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SPEED_M_S_FIELD_NUMBER: _ClassVar[int]
    HEADING_DEG_FIELD_NUMBER: _ClassVar[int]
    SIGHTING_COUNT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_UNIX_S_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_ID_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    OTHERS_NEAR_COUNT_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    revision: int
    state: IncidentState
    level: IncidentLevel
    severity: IncidentSeverity
    category: str
    object_count: int
    latitude_e7: int
    longitude_e7: int
    ce90_m: float
    position_id: str
    range_m: float
    range_low_m: float
    range_high_m: float
    bearing_deg: float
    probability: float
    confidence: float
    reason: str
    speed_m_s: float
    heading_deg: float
    sighting_count: int
    last_seen_unix_s: int
    imagery_id: str
    marking: _pledge_pb2.Marking
    verdict: Verdict
    others_near_count: int
    def __init__(self, incident_id: _Optional[str] = ..., revision: _Optional[int] = ..., state: _Optional[_Union[IncidentState, str]] = ..., level: _Optional[_Union[IncidentLevel, str]] = ..., severity: _Optional[_Union[IncidentSeverity, str]] = ..., category: _Optional[str] = ..., object_count: _Optional[int] = ..., latitude_e7: _Optional[int] = ..., longitude_e7: _Optional[int] = ..., ce90_m: _Optional[float] = ..., position_id: _Optional[str] = ..., range_m: _Optional[float] = ..., range_low_m: _Optional[float] = ..., range_high_m: _Optional[float] = ..., bearing_deg: _Optional[float] = ..., probability: _Optional[float] = ..., confidence: _Optional[float] = ..., reason: _Optional[str] = ..., speed_m_s: _Optional[float] = ..., heading_deg: _Optional[float] = ..., sighting_count: _Optional[int] = ..., last_seen_unix_s: _Optional[int] = ..., imagery_id: _Optional[str] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., others_near_count: _Optional[int] = ...) -> None: ...

class IncidentChip(_message.Message):
    __slots__ = ("incident", "imagery", "jpeg", "width_px", "height_px", "left_px", "top_px", "right_px", "bottom_px")
    INCIDENT_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    JPEG_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    LEFT_PX_FIELD_NUMBER: _ClassVar[int]
    TOP_PX_FIELD_NUMBER: _ClassVar[int]
    RIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_PX_FIELD_NUMBER: _ClassVar[int]
    incident: str
    imagery: str
    jpeg: bytes
    width_px: int
    height_px: int
    left_px: int
    top_px: int
    right_px: int
    bottom_px: int
    def __init__(self, incident: _Optional[str] = ..., imagery: _Optional[str] = ..., jpeg: _Optional[bytes] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., left_px: _Optional[int] = ..., top_px: _Optional[int] = ..., right_px: _Optional[int] = ..., bottom_px: _Optional[int] = ...) -> None: ...

class GetIncidentChipRequest(_message.Message):
    __slots__ = ("name", "max_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    max_bytes: int
    def __init__(self, name: _Optional[str] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class EventSummary(_message.Message):
    __slots__ = ("first_sequence", "last_sequence", "event_count", "incident_count", "kinds", "severity")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    INCIDENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    last_sequence: int
    event_count: int
    incident_count: int
    kinds: _containers.RepeatedCompositeFieldContainer[CountedKind]
    severity: IncidentSeverity
    def __init__(self, first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ..., event_count: _Optional[int] = ..., incident_count: _Optional[int] = ..., kinds: _Optional[_Iterable[_Union[CountedKind, _Mapping]]] = ..., severity: _Optional[_Union[IncidentSeverity, str]] = ...) -> None: ...

class CountedKind(_message.Message):
    __slots__ = ("kind", "count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: IncidentEventKind
    count: int
    def __init__(self, kind: _Optional[_Union[IncidentEventKind, str]] = ..., count: _Optional[int] = ...) -> None: ...

class DecideIncidentRequest(_message.Message):
    __slots__ = ("name", "verdict", "reason", "revision", "reason_code")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    name: str
    verdict: Verdict
    reason: str
    revision: int
    reason_code: ReasonCode
    def __init__(self, name: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., reason: _Optional[str] = ..., revision: _Optional[int] = ..., reason_code: _Optional[_Union[ReasonCode, str]] = ...) -> None: ...

class ReleaseIncidentRequest(_message.Message):
    __slots__ = ("name", "recipient", "reason", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    recipient: str
    reason: str
    revision: int
    def __init__(self, name: _Optional[str] = ..., recipient: _Optional[str] = ..., reason: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class ListSuppressionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "position")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    position: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., position: _Optional[str] = ...) -> None: ...

class ListSuppressionsResponse(_message.Message):
    __slots__ = ("suppressions", "next_page_token")
    SUPPRESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    suppressions: _containers.RepeatedCompositeFieldContainer[Suppression]
    next_page_token: str
    def __init__(self, suppressions: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Suppression(_message.Message):
    __slots__ = ("track", "position", "rule", "category", "reason", "count", "probability", "first_time", "last_time", "imagery")
    TRACK_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    track: str
    position: str
    rule: str
    category: str
    reason: str
    count: int
    probability: float
    first_time: _timestamp_pb2.Timestamp
    last_time: _timestamp_pb2.Timestamp
    imagery: str
    def __init__(self, track: _Optional[str] = ..., position: _Optional[str] = ..., rule: _Optional[str] = ..., category: _Optional[str] = ..., reason: _Optional[str] = ..., count: _Optional[int] = ..., probability: _Optional[float] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., imagery: _Optional[str] = ...) -> None: ...
