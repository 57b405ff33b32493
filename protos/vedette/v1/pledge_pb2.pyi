import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Marking(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARKING_UNSPECIFIED: _ClassVar[Marking]
    MARKING_UNCLASSIFIED: _ClassVar[Marking]
    MARKING_CONFIDENTIAL: _ClassVar[Marking]
    MARKING_STRICTLY_CONFIDENTIAL: _ClassVar[Marking]
MARKING_UNSPECIFIED: Marking
MARKING_UNCLASSIFIED: Marking
MARKING_CONFIDENTIAL: Marking
MARKING_STRICTLY_CONFIDENTIAL: Marking

class Pledge(_message.Message):
    __slots__ = ("name", "contributor", "capability", "platform", "marking", "create_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTOR_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    contributor: str
    capability: str
    platform: str
    marking: Marking
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., contributor: _Optional[str] = ..., capability: _Optional[str] = ..., platform: _Optional[str] = ..., marking: _Optional[_Union[Marking, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreatePledgeRequest(_message.Message):
    __slots__ = ("parent", "pledge_id", "pledge")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PLEDGE_ID_FIELD_NUMBER: _ClassVar[int]
    PLEDGE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    pledge_id: str
    pledge: Pledge
    def __init__(self, parent: _Optional[str] = ..., pledge_id: _Optional[str] = ..., pledge: _Optional[_Union[Pledge, _Mapping]] = ...) -> None: ...

class GetPledgeRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListPledgesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPledgesResponse(_message.Message):
    __slots__ = ("pledges", "next_page_token")
    PLEDGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    pledges: _containers.RepeatedCompositeFieldContainer[Pledge]
    next_page_token: str
    def __init__(self, pledges: _Optional[_Iterable[_Union[Pledge, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
