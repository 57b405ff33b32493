import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PledgeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLEDGE_STATE_UNSPECIFIED: _ClassVar[PledgeState]
    PLEDGE_STATE_PLEDGED: _ClassVar[PledgeState]
    PLEDGE_STATE_REGISTERED: _ClassVar[PledgeState]
    PLEDGE_STATE_DEPLOYED: _ClassVar[PledgeState]
    PLEDGE_STATE_OPERATIONAL: _ClassVar[PledgeState]
    PLEDGE_STATE_SUSPENDED: _ClassVar[PledgeState]
    PLEDGE_STATE_WITHDRAWN: _ClassVar[PledgeState]

class Caveat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAVEAT_UNSPECIFIED: _ClassVar[Caveat]
    CAVEAT_NO_IMAGERY: _ClassVar[Caveat]
    CAVEAT_NO_FEEDS: _ClassVar[Caveat]
    CAVEAT_NO_RELEASE: _ClassVar[Caveat]

class Marking(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARKING_UNSPECIFIED: _ClassVar[Marking]
    MARKING_UNCLASSIFIED: _ClassVar[Marking]
    MARKING_CONFIDENTIAL: _ClassVar[Marking]
    MARKING_STRICTLY_CONFIDENTIAL: _ClassVar[Marking]
PLEDGE_STATE_UNSPECIFIED: PledgeState
PLEDGE_STATE_PLEDGED: PledgeState
PLEDGE_STATE_REGISTERED: PledgeState
PLEDGE_STATE_DEPLOYED: PledgeState
PLEDGE_STATE_OPERATIONAL: PledgeState
PLEDGE_STATE_SUSPENDED: PledgeState
PLEDGE_STATE_WITHDRAWN: PledgeState
CAVEAT_UNSPECIFIED: Caveat
CAVEAT_NO_IMAGERY: Caveat
CAVEAT_NO_FEEDS: Caveat
CAVEAT_NO_RELEASE: Caveat
MARKING_UNSPECIFIED: Marking
MARKING_UNCLASSIFIED: Marking
MARKING_CONFIDENTIAL: Marking
MARKING_STRICTLY_CONFIDENTIAL: Marking

class Pledge(_message.Message):
    __slots__ = ("name", "contributor", "capability", "platform", "marking", "create_time", "state", "revision", "valid_from", "valid_until", "monthly_hours", "caveats")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTOR_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_FIELD_NUMBER: _ClassVar[int]
    MONTHLY_HOURS_FIELD_NUMBER: _ClassVar[int]
    CAVEATS_FIELD_NUMBER: _ClassVar[int]
    name: str
    contributor: str
    capability: str
    platform: str
    marking: Marking
    create_time: _timestamp_pb2.Timestamp
    state: PledgeState
    revision: int
    valid_from: _timestamp_pb2.Timestamp
    valid_until: _timestamp_pb2.Timestamp
    monthly_hours: float
    caveats: _containers.RepeatedScalarFieldContainer[Caveat]
    def __init__(self, name: _Optional[str] = ..., contributor: _Optional[str] = ..., capability: _Optional[str] = ..., platform: _Optional[str] = ..., marking: _Optional[_Union[Marking, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[PledgeState, str]] = ..., revision: _Optional[int] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., valid_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., monthly_hours: _Optional[float] = ..., caveats: _Optional[_Iterable[_Union[Caveat, str]]] = ...) -> None: ...

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

class MovePledgeRequest(_message.Message):
    __slots__ = ("name", "state", "reason", "revision")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: PledgeState
    reason: str
    revision: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[PledgeState, str]] = ..., reason: _Optional[str] = ..., revision: _Optional[int] = ...) -> None: ...

class ListPledgeMovesRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListPledgeMovesResponse(_message.Message):
    __slots__ = ("moves",)
    MOVES_FIELD_NUMBER: _ClassVar[int]
    moves: _containers.RepeatedCompositeFieldContainer[PledgeMove]
    def __init__(self, moves: _Optional[_Iterable[_Union[PledgeMove, _Mapping]]] = ...) -> None: ...

class PledgeMove(_message.Message):
    __slots__ = ("before", "after", "reason", "moved_by", "move_time")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MOVED_BY_FIELD_NUMBER: _ClassVar[int]
    MOVE_TIME_FIELD_NUMBER: _ClassVar[int]
    before: PledgeState
    after: PledgeState
    reason: str
    moved_by: str
    move_time: _timestamp_pb2.Timestamp
    def __init__(self, before: _Optional[_Union[PledgeState, str]] = ..., after: _Optional[_Union[PledgeState, str]] = ..., reason: _Optional[str] = ..., moved_by: _Optional[str] = ..., move_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecordRefusalRequest(_message.Message):
    __slots__ = ("parent", "refusal", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    refusal: Refusal
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("refused_by", "reason", "planned_time", "planned_hours", "recorded_by", "record_time")
    REFUSED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PLANNED_TIME_FIELD_NUMBER: _ClassVar[int]
    PLANNED_HOURS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_BY_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    refused_by: str
    reason: str
    planned_time: _timestamp_pb2.Timestamp
    planned_hours: float
    recorded_by: str
    record_time: _timestamp_pb2.Timestamp
    def __init__(self, refused_by: _Optional[str] = ..., reason: _Optional[str] = ..., planned_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., planned_hours: _Optional[float] = ..., recorded_by: _Optional[str] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountForPledgesRequest(_message.Message):
    __slots__ = ("parent", "start_time", "end_time")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    parent: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, parent: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountForPledgesResponse(_message.Message):
    __slots__ = ("accounts",)
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    accounts: _containers.RepeatedCompositeFieldContainer[Account]
    def __init__(self, accounts: _Optional[_Iterable[_Union[Account, _Mapping]]] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("contributor", "pledge_count", "pledged_hours", "operational_days", "sortie_count", "flown_hours", "sorties_without_time", "delivered_count", "delivered_bytes", "usable_count", "waiting_count", "unusable", "refusals", "refused_hours", "marking")
    CONTRIBUTOR_FIELD_NUMBER: _ClassVar[int]
    PLEDGE_COUNT_FIELD_NUMBER: _ClassVar[int]
    PLEDGED_HOURS_FIELD_NUMBER: _ClassVar[int]
    OPERATIONAL_DAYS_FIELD_NUMBER: _ClassVar[int]
    SORTIE_COUNT_FIELD_NUMBER: _ClassVar[int]
    FLOWN_HOURS_FIELD_NUMBER: _ClassVar[int]
    SORTIES_WITHOUT_TIME_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_COUNT_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_BYTES_FIELD_NUMBER: _ClassVar[int]
    USABLE_COUNT_FIELD_NUMBER: _ClassVar[int]
    WAITING_COUNT_FIELD_NUMBER: _ClassVar[int]
    UNUSABLE_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_HOURS_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    contributor: str
    pledge_count: int
    pledged_hours: float
    operational_days: float
    sortie_count: int
    flown_hours: float
    sorties_without_time: int
    delivered_count: int
    delivered_bytes: int
    usable_count: int
    waiting_count: int
    unusable: _containers.RepeatedCompositeFieldContainer[CountedReason]
    refusals: _containers.RepeatedCompositeFieldContainer[CountedReason]
    refused_hours: float
    marking: Marking
    def __init__(self, contributor: _Optional[str] = ..., pledge_count: _Optional[int] = ..., pledged_hours: _Optional[float] = ..., operational_days: _Optional[float] = ..., sortie_count: _Optional[int] = ..., flown_hours: _Optional[float] = ..., sorties_without_time: _Optional[int] = ..., delivered_count: _Optional[int] = ..., delivered_bytes: _Optional[int] = ..., usable_count: _Optional[int] = ..., waiting_count: _Optional[int] = ..., unusable: _Optional[_Iterable[_Union[CountedReason, _Mapping]]] = ..., refusals: _Optional[_Iterable[_Union[CountedReason, _Mapping]]] = ..., refused_hours: _Optional[float] = ..., marking: _Optional[_Union[Marking, str]] = ...) -> None: ...

class CountedReason(_message.Message):
    __slots__ = ("reason", "count")
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    count: int
    def __init__(self, reason: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
