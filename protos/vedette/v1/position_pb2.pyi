from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PositionKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POSITION_KIND_UNSPECIFIED: _ClassVar[PositionKind]
    POSITION_KIND_BASE: _ClassVar[PositionKind]
    POSITION_KIND_POST: _ClassVar[PositionKind]
    POSITION_KIND_PATROL: _ClassVar[PositionKind]
POSITION_KIND_UNSPECIFIED: PositionKind
POSITION_KIND_BASE: PositionKind
POSITION_KIND_POST: PositionKind
POSITION_KIND_PATROL: PositionKind

class Position(_message.Message):
    __slots__ = ("name", "display_name", "kind", "latitude_deg", "longitude_deg", "sigma_m", "radius_m")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    SIGMA_M_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    kind: PositionKind
    latitude_deg: float
    longitude_deg: float
    sigma_m: float
    radius_m: float
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., kind: _Optional[_Union[PositionKind, str]] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., sigma_m: _Optional[float] = ..., radius_m: _Optional[float] = ...) -> None: ...

class CreatePositionRequest(_message.Message):
    __slots__ = ("parent", "position_id", "position")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    parent: str
    position_id: str
    position: Position
    def __init__(self, parent: _Optional[str] = ..., position_id: _Optional[str] = ..., position: _Optional[_Union[Position, _Mapping]] = ...) -> None: ...

class GetPositionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListPositionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPositionsResponse(_message.Message):
    __slots__ = ("positions", "next_page_token")
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedCompositeFieldContainer[Position]
    next_page_token: str
    def __init__(self, positions: _Optional[_Iterable[_Union[Position, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeletePositionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeletePositionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
