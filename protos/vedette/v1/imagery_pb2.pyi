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

class ImageryState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMAGERY_STATE_UNSPECIFIED: _ClassVar[ImageryState]
    IMAGERY_STATE_QUEUED: _ClassVar[ImageryState]
    IMAGERY_STATE_PROCESSING: _ClassVar[ImageryState]
    IMAGERY_STATE_PROCESSED: _ClassVar[ImageryState]
    IMAGERY_STATE_FAILED: _ClassVar[ImageryState]

class MediaKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MEDIA_KIND_UNSPECIFIED: _ClassVar[MediaKind]
    MEDIA_KIND_JPEG: _ClassVar[MediaKind]
    MEDIA_KIND_PNG: _ClassVar[MediaKind]
    MEDIA_KIND_TIFF: _ClassVar[MediaKind]
    MEDIA_KIND_NITF: _ClassVar[MediaKind]

class FindingSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINDING_SEVERITY_UNSPECIFIED: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_NOTE: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_WARNING: _ClassVar[FindingSeverity]
    FINDING_SEVERITY_ERROR: _ClassVar[FindingSeverity]
IMAGERY_STATE_UNSPECIFIED: ImageryState
IMAGERY_STATE_QUEUED: ImageryState
IMAGERY_STATE_PROCESSING: ImageryState
IMAGERY_STATE_PROCESSED: ImageryState
IMAGERY_STATE_FAILED: ImageryState
MEDIA_KIND_UNSPECIFIED: MediaKind
MEDIA_KIND_JPEG: MediaKind
MEDIA_KIND_PNG: MediaKind
MEDIA_KIND_TIFF: MediaKind
MEDIA_KIND_NITF: MediaKind
FINDING_SEVERITY_UNSPECIFIED: FindingSeverity
FINDING_SEVERITY_NOTE: FindingSeverity
FINDING_SEVERITY_WARNING: FindingSeverity
FINDING_SEVERITY_ERROR: FindingSeverity

class Finding(_message.Message):
    __slots__ = ("code", "severity", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: FindingSeverity
    message: str
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[_Union[FindingSeverity, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Imagery(_message.Message):
    __slots__ = ("name", "pledge", "sortie", "file_name", "size_bytes", "sha256", "media_kind", "state", "failure", "receive_time", "capture_time", "width_px", "height_px", "outcome", "findings", "detection_count", "model", "marking")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PLEDGE_FIELD_NUMBER: _ClassVar[int]
    SORTIE_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    MEDIA_KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_TIME_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PX_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_PX_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    DETECTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    name: str
    pledge: str
    sortie: str
    file_name: str
    size_bytes: int
    sha256: str
    media_kind: MediaKind
    state: ImageryState
    failure: str
    receive_time: _timestamp_pb2.Timestamp
    capture_time: _timestamp_pb2.Timestamp
    width_px: int
    height_px: int
    outcome: _ground_pb2.Outcome
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    detection_count: int
    model: str
    marking: _pledge_pb2.Marking
    def __init__(self, name: _Optional[str] = ..., pledge: _Optional[str] = ..., sortie: _Optional[str] = ..., file_name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., media_kind: _Optional[_Union[MediaKind, str]] = ..., state: _Optional[_Union[ImageryState, str]] = ..., failure: _Optional[str] = ..., receive_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., width_px: _Optional[int] = ..., height_px: _Optional[int] = ..., outcome: _Optional[_Union[_ground_pb2.Outcome, str]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., detection_count: _Optional[int] = ..., model: _Optional[str] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ...) -> None: ...

class SubmitImageryRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: SubmissionHeader
    chunk: bytes
    def __init__(self, header: _Optional[_Union[SubmissionHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ...) -> None: ...

class SubmissionHeader(_message.Message):
    __slots__ = ("pledge", "sortie", "file_name", "size_bytes", "sha256", "request_id", "offset", "pose_json", "capture_time")
    PLEDGE_FIELD_NUMBER: _ClassVar[int]
    SORTIE_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    POSE_JSON_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    pledge: str
    sortie: str
    file_name: str
    size_bytes: int
    sha256: str
    request_id: str
    offset: int
    pose_json: str
    capture_time: _timestamp_pb2.Timestamp
    def __init__(self, pledge: _Optional[str] = ..., sortie: _Optional[str] = ..., file_name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., request_id: _Optional[str] = ..., offset: _Optional[int] = ..., pose_json: _Optional[str] = ..., capture_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SubmitImageryResponse(_message.Message):
    __slots__ = ("imagery", "duplicate", "looked_at_again")
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_AGAIN_FIELD_NUMBER: _ClassVar[int]
    imagery: Imagery
    duplicate: bool
    looked_at_again: bool
    def __init__(self, imagery: _Optional[_Union[Imagery, _Mapping]] = ..., duplicate: _Optional[bool] = ..., looked_at_again: _Optional[bool] = ...) -> None: ...

class GetSubmissionRequest(_message.Message):
    __slots__ = ("parent", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("request_id", "committed_bytes", "size_bytes", "imagery")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    committed_bytes: int
    size_bytes: int
    imagery: str
    def __init__(self, request_id: _Optional[str] = ..., committed_bytes: _Optional[int] = ..., size_bytes: _Optional[int] = ..., imagery: _Optional[str] = ...) -> None: ...

class GetImageryRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListImageryRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "sortie")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SORTIE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    sortie: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., sortie: _Optional[str] = ...) -> None: ...

class ListImageryResponse(_message.Message):
    __slots__ = ("imagery", "next_page_token")
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    imagery: _containers.RepeatedCompositeFieldContainer[Imagery]
    next_page_token: str
    def __init__(self, imagery: _Optional[_Iterable[_Union[Imagery, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchImageryRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
