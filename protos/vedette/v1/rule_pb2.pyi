import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vedette.v1 import incident_pb2 as _incident_pb2
from vedette.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WhenUnknown(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_UNKNOWN_UNSPECIFIED: _ClassVar[WhenUnknown]
    WHEN_UNKNOWN_SHOW: _ClassVar[WhenUnknown]
    WHEN_UNKNOWN_WITHHOLD: _ClassVar[WhenUnknown]
WHEN_UNKNOWN_UNSPECIFIED: WhenUnknown
WHEN_UNKNOWN_SHOW: WhenUnknown
WHEN_UNKNOWN_WITHHOLD: WhenUnknown

class Rule(_message.Message):
    __slots__ = ("name", "revision", "categories", "position_kinds", "radius_m", "min_confidence", "possible_probability", "alert_probability", "description", "disabled", "position_ids", "perimeter_m", "min_sightings", "cluster", "dwell", "closing", "arrival", "convoy", "crossing", "new_object", "hours", "severity_at_least", "severity_at_most", "set_time", "set_by", "deleted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    POSITION_KINDS_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    MIN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    ALERT_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    POSITION_IDS_FIELD_NUMBER: _ClassVar[int]
    PERIMETER_M_FIELD_NUMBER: _ClassVar[int]
    MIN_SIGHTINGS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    DWELL_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    CONVOY_FIELD_NUMBER: _ClassVar[int]
    CROSSING_FIELD_NUMBER: _ClassVar[int]
    NEW_OBJECT_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_AT_LEAST_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_AT_MOST_FIELD_NUMBER: _ClassVar[int]
    SET_TIME_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    categories: _containers.RepeatedScalarFieldContainer[str]
    position_kinds: _containers.RepeatedScalarFieldContainer[_position_pb2.PositionKind]
    radius_m: float
    min_confidence: float
    possible_probability: float
    alert_probability: float
    description: str
    disabled: bool
    position_ids: _containers.RepeatedScalarFieldContainer[str]
    perimeter_m: float
    min_sightings: int
    cluster: RuleCluster
    dwell: RuleDwell
    closing: RuleClosing
    arrival: RuleArrival
    convoy: RuleConvoy
    crossing: RuleCrossing
    new_object: RuleNewObject
    hours: RuleHours
    severity_at_least: _incident_pb2.IncidentSeverity
    severity_at_most: _incident_pb2.IncidentSeverity
    set_time: _timestamp_pb2.Timestamp
    set_by: str
    deleted: bool
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., categories: _Optional[_Iterable[str]] = ..., position_kinds: _Optional[_Iterable[_Union[_position_pb2.PositionKind, str]]] = ..., radius_m: _Optional[float] = ..., min_confidence: _Optional[float] = ..., possible_probability: _Optional[float] = ..., alert_probability: _Optional[float] = ..., description: _Optional[str] = ..., disabled: _Optional[bool] = ..., position_ids: _Optional[_Iterable[str]] = ..., perimeter_m: _Optional[float] = ..., min_sightings: _Optional[int] = ..., cluster: _Optional[_Union[RuleCluster, _Mapping]] = ..., dwell: _Optional[_Union[RuleDwell, _Mapping]] = ..., closing: _Optional[_Union[RuleClosing, _Mapping]] = ..., arrival: _Optional[_Union[RuleArrival, _Mapping]] = ..., convoy: _Optional[_Union[RuleConvoy, _Mapping]] = ..., crossing: _Optional[_Union[RuleCrossing, _Mapping]] = ..., new_object: _Optional[_Union[RuleNewObject, _Mapping]] = ..., hours: _Optional[_Union[RuleHours, _Mapping]] = ..., severity_at_least: _Optional[_Union[_incident_pb2.IncidentSeverity, str]] = ..., severity_at_most: _Optional[_Union[_incident_pb2.IncidentSeverity, str]] = ..., set_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., set_by: _Optional[str] = ..., deleted: _Optional[bool] = ...) -> None: ...

class RuleCluster(_message.Message):
    __slots__ = ("min_count", "radius_m")
    MIN_COUNT_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    min_count: int
    radius_m: float
    def __init__(self, min_count: _Optional[int] = ..., radius_m: _Optional[float] = ...) -> None: ...

class RuleDwell(_message.Message):
    __slots__ = ("min_s", "probability", "max_gap_s", "when_unknown")
    MIN_S_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    MAX_GAP_S_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    min_s: float
    probability: float
    max_gap_s: float
    when_unknown: WhenUnknown
    def __init__(self, min_s: _Optional[float] = ..., probability: _Optional[float] = ..., max_gap_s: _Optional[float] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleClosing(_message.Message):
    __slots__ = ("min_speed_m_s", "probability", "when_unknown")
    MIN_SPEED_M_S_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    min_speed_m_s: float
    probability: float
    when_unknown: WhenUnknown
    def __init__(self, min_speed_m_s: _Optional[float] = ..., probability: _Optional[float] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleArrival(_message.Message):
    __slots__ = ("within_s", "probability", "when_unknown")
    WITHIN_S_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    within_s: float
    probability: float
    when_unknown: WhenUnknown
    def __init__(self, within_s: _Optional[float] = ..., probability: _Optional[float] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleConvoy(_message.Message):
    __slots__ = ("min_count", "max_spacing_m", "max_offset_m", "max_heading_spread_deg", "halted", "when_unknown")
    MIN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MAX_SPACING_M_FIELD_NUMBER: _ClassVar[int]
    MAX_OFFSET_M_FIELD_NUMBER: _ClassVar[int]
    MAX_HEADING_SPREAD_DEG_FIELD_NUMBER: _ClassVar[int]
    HALTED_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    min_count: int
    max_spacing_m: float
    max_offset_m: float
    max_heading_spread_deg: float
    halted: bool
    when_unknown: WhenUnknown
    def __init__(self, min_count: _Optional[int] = ..., max_spacing_m: _Optional[float] = ..., max_offset_m: _Optional[float] = ..., max_heading_spread_deg: _Optional[float] = ..., halted: _Optional[bool] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleCrossing(_message.Message):
    __slots__ = ("probability", "when_unknown")
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    probability: float
    when_unknown: WhenUnknown
    def __init__(self, probability: _Optional[float] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleNewObject(_message.Message):
    __slots__ = ("since_s", "when_unknown")
    SINCE_S_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    since_s: float
    when_unknown: WhenUnknown
    def __init__(self, since_s: _Optional[float] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class RuleHours(_message.Message):
    __slots__ = ("start", "end", "zone", "days", "when_unknown")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    WHEN_UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    start: str
    end: str
    zone: str
    days: _containers.RepeatedScalarFieldContainer[str]
    when_unknown: WhenUnknown
    def __init__(self, start: _Optional[str] = ..., end: _Optional[str] = ..., zone: _Optional[str] = ..., days: _Optional[_Iterable[str]] = ..., when_unknown: _Optional[_Union[WhenUnknown, str]] = ...) -> None: ...

class ListRulesRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListRulesResponse(_message.Message):
    __slots__ = ("rules",)
    RULES_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[Rule]
    def __init__(self, rules: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ...) -> None: ...

class GetRuleRequest(_message.Message):
    __slots__ = ("name", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class SetRuleRequest(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ...) -> None: ...

class DeleteRuleRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteRuleResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRuleRevisionsRequest(_message.Message):
    __slots__ = ("name", "page_size", "page_token")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    page_size: int
    page_token: str
    def __init__(self, name: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRuleRevisionsResponse(_message.Message):
    __slots__ = ("rules", "next_page_token")
    RULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[Rule]
    next_page_token: str
    def __init__(self, rules: _Optional[_Iterable[_Union[Rule, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PreviewRuleRequest(_message.Message):
    __slots__ = ("parent", "rule", "since", "until")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    parent: str
    rule: Rule
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., rule: _Optional[_Union[Rule, _Mapping]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PreviewRuleResponse(_message.Message):
    __slots__ = ("preview", "present", "all_present", "all_with_preview", "image_count", "detection_count", "truncated", "until")
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    ALL_PRESENT_FIELD_NUMBER: _ClassVar[int]
    ALL_WITH_PREVIEW_FIELD_NUMBER: _ClassVar[int]
    IMAGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    DETECTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    preview: RulePreview
    present: RulePreview
    all_present: RulePreview
    all_with_preview: RulePreview
    image_count: int
    detection_count: int
    truncated: bool
    until: _timestamp_pb2.Timestamp
    def __init__(self, preview: _Optional[_Union[RulePreview, _Mapping]] = ..., present: _Optional[_Union[RulePreview, _Mapping]] = ..., all_present: _Optional[_Union[RulePreview, _Mapping]] = ..., all_with_preview: _Optional[_Union[RulePreview, _Mapping]] = ..., image_count: _Optional[int] = ..., detection_count: _Optional[int] = ..., truncated: _Optional[bool] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RulePreview(_message.Message):
    __slots__ = ("incident_count", "by_severity", "by_position", "withheld", "examples")
    INCIDENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    BY_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    BY_POSITION_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    incident_count: int
    by_severity: _containers.RepeatedCompositeFieldContainer[SeverityCount]
    by_position: _containers.RepeatedCompositeFieldContainer[PositionCount]
    withheld: _containers.RepeatedCompositeFieldContainer[WithheldCount]
    examples: _containers.RepeatedCompositeFieldContainer[PreviewedIncident]
    def __init__(self, incident_count: _Optional[int] = ..., by_severity: _Optional[_Iterable[_Union[SeverityCount, _Mapping]]] = ..., by_position: _Optional[_Iterable[_Union[PositionCount, _Mapping]]] = ..., withheld: _Optional[_Iterable[_Union[WithheldCount, _Mapping]]] = ..., examples: _Optional[_Iterable[_Union[PreviewedIncident, _Mapping]]] = ...) -> None: ...

class SeverityCount(_message.Message):
    __slots__ = ("severity", "count")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    severity: _incident_pb2.IncidentSeverity
    count: int
    def __init__(self, severity: _Optional[_Union[_incident_pb2.IncidentSeverity, str]] = ..., count: _Optional[int] = ...) -> None: ...

class PositionCount(_message.Message):
    __slots__ = ("position", "display_name", "count")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    position: str
    display_name: str
    count: int
    def __init__(self, position: _Optional[str] = ..., display_name: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class WithheldCount(_message.Message):
    __slots__ = ("reason", "count")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    count: int
    def __init__(self, reason: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class PreviewedIncident(_message.Message):
    __slots__ = ("imagery", "capture_time", "position", "severity", "reason")
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    imagery: str
    capture_time: _timestamp_pb2.Timestamp
    position: str
    severity: _incident_pb2.IncidentSeverity
    reason: str
    def __init__(self, imagery: _Optional[str] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., position: _Optional[str] = ..., severity: _Optional[_Union[_incident_pb2.IncidentSeverity, str]] = ..., reason: _Optional[str] = ...) -> None: ...
