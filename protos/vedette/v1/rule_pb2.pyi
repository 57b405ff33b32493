from vedette.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Rule(_message.Message):
    __slots__ = ("name", "revision", "categories", "position_kinds", "radius_m", "min_confidence", "possible_probability", "alert_probability")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    POSITION_KINDS_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    MIN_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    POSSIBLE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    ALERT_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    categories: _containers.RepeatedScalarFieldContainer[str]
    position_kinds: _containers.RepeatedScalarFieldContainer[_position_pb2.PositionKind]
    radius_m: float
    min_confidence: float
    possible_probability: float
    alert_probability: float
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., categories: _Optional[_Iterable[str]] = ..., position_kinds: _Optional[_Iterable[_Union[_position_pb2.PositionKind, str]]] = ..., radius_m: _Optional[float] = ..., min_confidence: _Optional[float] = ..., possible_probability: _Optional[float] = ..., alert_probability: _Optional[float] = ...) -> None: ...

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

class SetRuleRequest(_message.Message):
    __slots__ = ("rule",)
    RULE_FIELD_NUMBER: _ClassVar[int]
    rule: Rule
    def __init__(self, rule: _Optional[_Union[Rule, _Mapping]] = ...) -> None: ...
