import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vedette.v1 import incident_pb2 as _incident_pb2
from vedette.v1 import pledge_pb2 as _pledge_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ChipState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHIP_STATE_UNSPECIFIED: _ClassVar[ChipState]
    CHIP_STATE_PENDING: _ClassVar[ChipState]
    CHIP_STATE_READY: _ClassVar[ChipState]
    CHIP_STATE_FAILED: _ClassVar[ChipState]
CHIP_STATE_UNSPECIFIED: ChipState
CHIP_STATE_PENDING: ChipState
CHIP_STATE_READY: ChipState
CHIP_STATE_FAILED: ChipState

class HardNegative(_message.Message):
    __slots__ = ("name", "imagery", "category", "confidence", "reason_code", "marking", "decided_by", "decide_time", "state", "failure", "left_px", "top_px", "right_px", "bottom_px", "width_px", "height_px", "sha256", "chip")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_CODE_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DECIDE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    LEFT_PX_FIELD_NUMBER: _ClassVar[int]
    TOP_PX_FIELD_NUMBER: _ClassVar[int]
    RIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_PX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CHIP_FIELD_NUMBER: _ClassVar[int]
    name: str
    imagery: str
    category: str
    confidence: float
    reason_code: _incident_pb2.ReasonCode
    marking: _pledge_pb2.Marking
    decided_by: str
    decide_time: _timestamp_pb2.Timestamp
    state: ChipState
    failure: str
    left_px: float
    top_px: float
    right_px: float
    bottom_px: float
    width_px: int
    height_px: int
    sha256: str
    chip: bytes
    def __init__(self, name: _Optional[str] = ..., imagery: _Optional[str] = ..., category: _Optional[str] = ..., confidence: _Optional[float] = ..., reason_code: _Optional[_Union[_incident_pb2.ReasonCode, str]] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ..., decided_by: _Optional[str] = ..., decide_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[ChipState, str]] = ..., failure: _Optional[str] = ..., left_px: _Optional[float] = ..., top_px: _Optional[float] = ..., right_px: _Optional[float] = ..., bottom_px: _Optional[float] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., sha256: _Optional[str] = ..., chip: _Optional[bytes] = ...) -> None: ...

class ListHardNegativesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListHardNegativesResponse(_message.Message):
    __slots__ = ("hard_negatives", "next_page_token")
    HARD_NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    hard_negatives: _containers.RepeatedCompositeFieldContainer[HardNegative]
    next_page_token: str
    def __init__(self, hard_negatives: _Optional[_Iterable[_Union[HardNegative, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetHardNegativeRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
