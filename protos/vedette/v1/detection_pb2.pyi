import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vedette.v1 import ground_pb2 as _ground_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PixelBox(_message.Message):
    __slots__ = ("x_px", "y_px", "width_px", "height_px")
    X_PX_FIELD_NUMBER: _ClassVar[int]
    Y_PX_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    x_px: float
    y_px: float
    width_px: float
    height_px: float
    def __init__(self, x_px: _Optional[float] = ..., y_px: _Optional[float] = ..., width_px: _Optional[float] = ..., height_px: _Optional[float] = ...) -> None: ...

class Detection(_message.Message):
    __slots__ = ("name", "category", "confidence", "box", "ground", "capture_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    GROUND_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    category: str
    confidence: float
    box: PixelBox
    ground: _ground_pb2.GroundPoint
    capture_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., category: _Optional[str] = ..., confidence: _Optional[float] = ..., box: _Optional[_Union[PixelBox, _Mapping]] = ..., ground: _Optional[_Union[_ground_pb2.GroundPoint, _Mapping]] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDetectionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "imagery", "categories", "area", "captured_since")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_SINCE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    imagery: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    area: Area
    captured_since: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., imagery: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., area: _Optional[_Union[Area, _Mapping]] = ..., captured_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Area(_message.Message):
    __slots__ = ("south_deg", "west_deg", "north_deg", "east_deg")
    SOUTH_DEG_FIELD_NUMBER: _ClassVar[int]
    WEST_DEG_FIELD_NUMBER: _ClassVar[int]
    NORTH_DEG_FIELD_NUMBER: _ClassVar[int]
    EAST_DEG_FIELD_NUMBER: _ClassVar[int]
    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float
    def __init__(self, south_deg: _Optional[float] = ..., west_deg: _Optional[float] = ..., north_deg: _Optional[float] = ..., east_deg: _Optional[float] = ...) -> None: ...

class ListDetectionsResponse(_message.Message):
    __slots__ = ("detections", "next_page_token")
    DETECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    detections: _containers.RepeatedCompositeFieldContainer[Detection]
    next_page_token: str
    def __init__(self, detections: _Optional[_Iterable[_Union[Detection, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
