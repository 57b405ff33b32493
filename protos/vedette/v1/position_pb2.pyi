import datetime

from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
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
    POSITION_KIND_ROUTE: _ClassVar[PositionKind]
    POSITION_KIND_CAMP: _ClassVar[PositionKind]
    POSITION_KIND_SCHOOL: _ClassVar[PositionKind]
    POSITION_KIND_CLINIC: _ClassVar[PositionKind]
    POSITION_KIND_CIVILIAN_SITE: _ClassVar[PositionKind]
    POSITION_KIND_CEASEFIRE_LINE: _ClassVar[PositionKind]
    POSITION_KIND_BUFFER_ZONE: _ClassVar[PositionKind]

class ImportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_FORMAT_UNSPECIFIED: _ClassVar[ImportFormat]
    IMPORT_FORMAT_GEOJSON: _ClassVar[ImportFormat]
    IMPORT_FORMAT_KML: _ClassVar[ImportFormat]
    IMPORT_FORMAT_CSV: _ClassVar[ImportFormat]

class ImportChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_CHANGE_UNSPECIFIED: _ClassVar[ImportChange]
    IMPORT_CHANGE_CREATED: _ClassVar[ImportChange]
    IMPORT_CHANGE_UNCHANGED: _ClassVar[ImportChange]
    IMPORT_CHANGE_REPLACED: _ClassVar[ImportChange]
POSITION_KIND_UNSPECIFIED: PositionKind
POSITION_KIND_BASE: PositionKind
POSITION_KIND_POST: PositionKind
POSITION_KIND_PATROL: PositionKind
POSITION_KIND_ROUTE: PositionKind
POSITION_KIND_CAMP: PositionKind
POSITION_KIND_SCHOOL: PositionKind
POSITION_KIND_CLINIC: PositionKind
POSITION_KIND_CIVILIAN_SITE: PositionKind
POSITION_KIND_CEASEFIRE_LINE: PositionKind
POSITION_KIND_BUFFER_ZONE: PositionKind
IMPORT_FORMAT_UNSPECIFIED: ImportFormat
IMPORT_FORMAT_GEOJSON: ImportFormat
IMPORT_FORMAT_KML: ImportFormat
IMPORT_FORMAT_CSV: ImportFormat
IMPORT_CHANGE_UNSPECIFIED: ImportChange
IMPORT_CHANGE_CREATED: ImportChange
IMPORT_CHANGE_UNCHANGED: ImportChange
IMPORT_CHANGE_REPLACED: ImportChange

class Vertex(_message.Message):
    __slots__ = ("latitude_deg", "longitude_deg")
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    latitude_deg: float
    longitude_deg: float
    def __init__(self, latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ...) -> None: ...

class Ring(_message.Message):
    __slots__ = ("vertices",)
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    vertices: _containers.RepeatedCompositeFieldContainer[Vertex]
    def __init__(self, vertices: _Optional[_Iterable[_Union[Vertex, _Mapping]]] = ...) -> None: ...

class PositionPolygon(_message.Message):
    __slots__ = ("rings",)
    RINGS_FIELD_NUMBER: _ClassVar[int]
    rings: _containers.RepeatedCompositeFieldContainer[Ring]
    def __init__(self, rings: _Optional[_Iterable[_Union[Ring, _Mapping]]] = ...) -> None: ...

class PositionLine(_message.Message):
    __slots__ = ("vertices", "buffer_m")
    VERTICES_FIELD_NUMBER: _ClassVar[int]
    BUFFER_M_FIELD_NUMBER: _ClassVar[int]
    vertices: _containers.RepeatedCompositeFieldContainer[Vertex]
    buffer_m: float
    def __init__(self, vertices: _Optional[_Iterable[_Union[Vertex, _Mapping]]] = ..., buffer_m: _Optional[float] = ...) -> None: ...

class Aging(_message.Message):
    __slots__ = ("speed_m_s", "max_sigma_m", "max_age_s")
    SPEED_M_S_FIELD_NUMBER: _ClassVar[int]
    MAX_SIGMA_M_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_S_FIELD_NUMBER: _ClassVar[int]
    speed_m_s: float
    max_sigma_m: float
    max_age_s: float
    def __init__(self, speed_m_s: _Optional[float] = ..., max_sigma_m: _Optional[float] = ..., max_age_s: _Optional[float] = ...) -> None: ...

class Position(_message.Message):
    __slots__ = ("name", "display_name", "kind", "latitude_deg", "longitude_deg", "sigma_m", "radius_m", "polygon", "line", "aging", "report_time", "valid_from", "valid_until", "use_times", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    SIGMA_M_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    AGING_FIELD_NUMBER: _ClassVar[int]
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    USE_TIMES_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    kind: PositionKind
    latitude_deg: float
    longitude_deg: float
    sigma_m: float
    radius_m: float
    polygon: PositionPolygon
    line: PositionLine
    aging: Aging
    report_time: _timestamp_pb2.Timestamp
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    use_times: _containers.RepeatedScalarFieldContainer[str]
    revision: int
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., kind: _Optional[_Union[PositionKind, str]] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., sigma_m: _Optional[float] = ..., radius_m: _Optional[float] = ..., polygon: _Optional[_Union[PositionPolygon, _Mapping]] = ..., line: _Optional[_Union[PositionLine, _Mapping]] = ..., aging: _Optional[_Union[Aging, _Mapping]] = ..., report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., use_times: _Optional[_Iterable[str]] = ..., revision: _Optional[int] = ...) -> None: ...

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

class UpdatePositionRequest(_message.Message):
    __slots__ = ("position", "update_mask")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    position: Position
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, position: _Optional[_Union[Position, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class DeletePositionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeletePositionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PatrolReport(_message.Message):
    __slots__ = ("report_time", "latitude_deg", "longitude_deg", "sigma_m")
    REPORT_TIME_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    SIGMA_M_FIELD_NUMBER: _ClassVar[int]
    report_time: _timestamp_pb2.Timestamp
    latitude_deg: float
    longitude_deg: float
    sigma_m: float
    def __init__(self, report_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., sigma_m: _Optional[float] = ...) -> None: ...

class StreamPatrolRequest(_message.Message):
    __slots__ = ("patrol", "sequence", "reports")
    PATROL_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    patrol: str
    sequence: int
    reports: _containers.RepeatedCompositeFieldContainer[PatrolReport]
    def __init__(self, patrol: _Optional[str] = ..., sequence: _Optional[int] = ..., reports: _Optional[_Iterable[_Union[PatrolReport, _Mapping]]] = ...) -> None: ...

class StreamPatrolResponse(_message.Message):
    __slots__ = ("acknowledged_sequence",)
    ACKNOWLEDGED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    acknowledged_sequence: int
    def __init__(self, acknowledged_sequence: _Optional[int] = ...) -> None: ...

class ImportHeader(_message.Message):
    __slots__ = ("parent", "format", "validate_only", "replace", "allow_partial")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PARTIAL_FIELD_NUMBER: _ClassVar[int]
    parent: str
    format: ImportFormat
    validate_only: bool
    replace: bool
    allow_partial: bool
    def __init__(self, parent: _Optional[str] = ..., format: _Optional[_Union[ImportFormat, str]] = ..., validate_only: _Optional[bool] = ..., replace: _Optional[bool] = ..., allow_partial: _Optional[bool] = ...) -> None: ...

class ImportPositionsRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: ImportHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[ImportHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class ImportFault(_message.Message):
    __slots__ = ("entry", "position_id", "field", "message")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    entry: int
    position_id: str
    field: str
    message: str
    def __init__(self, entry: _Optional[int] = ..., position_id: _Optional[str] = ..., field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ImportedPosition(_message.Message):
    __slots__ = ("position_id", "change")
    POSITION_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    position_id: str
    change: ImportChange
    def __init__(self, position_id: _Optional[str] = ..., change: _Optional[_Union[ImportChange, str]] = ...) -> None: ...

class ImportPositionsResponse(_message.Message):
    __slots__ = ("positions", "faults", "fault_count", "committed")
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    FAULT_COUNT_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedCompositeFieldContainer[ImportedPosition]
    faults: _containers.RepeatedCompositeFieldContainer[ImportFault]
    fault_count: int
    committed: bool
    def __init__(self, positions: _Optional[_Iterable[_Union[ImportedPosition, _Mapping]]] = ..., faults: _Optional[_Iterable[_Union[ImportFault, _Mapping]]] = ..., fault_count: _Optional[int] = ..., committed: _Optional[bool] = ...) -> None: ...
