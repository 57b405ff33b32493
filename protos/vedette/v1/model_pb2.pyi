import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_ROLE_UNSPECIFIED: _ClassVar[ModelRole]
    MODEL_ROLE_VISIBLE: _ClassVar[ModelRole]
    MODEL_ROLE_THERMAL: _ClassVar[ModelRole]
    MODEL_ROLE_SHADOW: _ClassVar[ModelRole]

class ModelModality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_MODALITY_UNSPECIFIED: _ClassVar[ModelModality]
    MODEL_MODALITY_VISIBLE: _ClassVar[ModelModality]
    MODEL_MODALITY_THERMAL: _ClassVar[ModelModality]
    MODEL_MODALITY_BOTH: _ClassVar[ModelModality]

class ModelChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_CHANGE_KIND_UNSPECIFIED: _ClassVar[ModelChangeKind]
    MODEL_CHANGE_KIND_ACTIVATED: _ClassVar[ModelChangeKind]
    MODEL_CHANGE_KIND_ROLLED_BACK: _ClassVar[ModelChangeKind]
    MODEL_CHANGE_KIND_ENDED: _ClassVar[ModelChangeKind]
MODEL_ROLE_UNSPECIFIED: ModelRole
MODEL_ROLE_VISIBLE: ModelRole
MODEL_ROLE_THERMAL: ModelRole
MODEL_ROLE_SHADOW: ModelRole
MODEL_MODALITY_UNSPECIFIED: ModelModality
MODEL_MODALITY_VISIBLE: ModelModality
MODEL_MODALITY_THERMAL: ModelModality
MODEL_MODALITY_BOTH: ModelModality
MODEL_CHANGE_KIND_UNSPECIFIED: ModelChangeKind
MODEL_CHANGE_KIND_ACTIVATED: ModelChangeKind
MODEL_CHANGE_KIND_ROLLED_BACK: ModelChangeKind
MODEL_CHANGE_KIND_ENDED: ModelChangeKind

class Model(_message.Message):
    __slots__ = ("name", "categories", "input_px", "sha256", "license", "weaknesses", "active", "engine", "version", "modality", "roles", "thresholds", "training_data", "accuracy")
    class Sha256Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ThresholdsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    INPUT_PX_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    LICENSE_FIELD_NUMBER: _ClassVar[int]
    WEAKNESSES_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MODALITY_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_DATA_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    name: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    input_px: int
    sha256: _containers.ScalarMap[str, str]
    license: str
    weaknesses: _containers.RepeatedScalarFieldContainer[str]
    active: bool
    engine: str
    version: str
    modality: ModelModality
    roles: _containers.RepeatedScalarFieldContainer[ModelRole]
    thresholds: _containers.ScalarMap[str, float]
    training_data: _containers.RepeatedScalarFieldContainer[str]
    accuracy: _containers.RepeatedCompositeFieldContainer[ModelAccuracy]
    def __init__(self, name: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ..., input_px: _Optional[int] = ..., sha256: _Optional[_Mapping[str, str]] = ..., license: _Optional[str] = ..., weaknesses: _Optional[_Iterable[str]] = ..., active: _Optional[bool] = ..., engine: _Optional[str] = ..., version: _Optional[str] = ..., modality: _Optional[_Union[ModelModality, str]] = ..., roles: _Optional[_Iterable[_Union[ModelRole, str]]] = ..., thresholds: _Optional[_Mapping[str, float]] = ..., training_data: _Optional[_Iterable[str]] = ..., accuracy: _Optional[_Iterable[_Union[ModelAccuracy, _Mapping]]] = ...) -> None: ...

class ModelAccuracy(_message.Message):
    __slots__ = ("data", "ap50", "recall", "precision", "false_alarms_per_km2")
    class Ap50Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class RecallEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class PrecisionEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class FalseAlarmsPerKm2Entry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    DATA_FIELD_NUMBER: _ClassVar[int]
    AP50_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARMS_PER_KM2_FIELD_NUMBER: _ClassVar[int]
    data: str
    ap50: _containers.ScalarMap[str, float]
    recall: _containers.ScalarMap[str, float]
    precision: _containers.ScalarMap[str, float]
    false_alarms_per_km2: _containers.ScalarMap[str, float]
    def __init__(self, data: _Optional[str] = ..., ap50: _Optional[_Mapping[str, float]] = ..., recall: _Optional[_Mapping[str, float]] = ..., precision: _Optional[_Mapping[str, float]] = ..., false_alarms_per_km2: _Optional[_Mapping[str, float]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ActivateModelRequest(_message.Message):
    __slots__ = ("name", "roles", "reason", "share")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    name: str
    roles: _containers.RepeatedScalarFieldContainer[ModelRole]
    reason: str
    share: float
    def __init__(self, name: _Optional[str] = ..., roles: _Optional[_Iterable[_Union[ModelRole, str]]] = ..., reason: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...

class RollbackModelRequest(_message.Message):
    __slots__ = ("roles", "reason")
    ROLES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    roles: _containers.RepeatedScalarFieldContainer[ModelRole]
    reason: str
    def __init__(self, roles: _Optional[_Iterable[_Union[ModelRole, str]]] = ..., reason: _Optional[str] = ...) -> None: ...

class GetModelsInForceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ModelsInForce(_message.Message):
    __slots__ = ("models", "changes")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelInForce]
    changes: _containers.RepeatedCompositeFieldContainer[ModelChange]
    def __init__(self, models: _Optional[_Iterable[_Union[ModelInForce, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[ModelChange, _Mapping]]] = ...) -> None: ...

class ModelInForce(_message.Message):
    __slots__ = ("role", "model", "share", "activate_time")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATE_TIME_FIELD_NUMBER: _ClassVar[int]
    role: ModelRole
    model: str
    share: float
    activate_time: _timestamp_pb2.Timestamp
    def __init__(self, role: _Optional[_Union[ModelRole, str]] = ..., model: _Optional[str] = ..., share: _Optional[float] = ..., activate_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ModelChange(_message.Message):
    __slots__ = ("sequence", "role", "kind", "before", "after", "share", "changed_by", "reason", "change_time")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    role: ModelRole
    kind: ModelChangeKind
    before: str
    after: str
    share: float
    changed_by: str
    reason: str
    change_time: _timestamp_pb2.Timestamp
    def __init__(self, sequence: _Optional[int] = ..., role: _Optional[_Union[ModelRole, str]] = ..., kind: _Optional[_Union[ModelChangeKind, str]] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., share: _Optional[float] = ..., changed_by: _Optional[str] = ..., reason: _Optional[str] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListModelChangesRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelChangesResponse(_message.Message):
    __slots__ = ("changes", "next_page_token")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[ModelChange]
    next_page_token: str
    def __init__(self, changes: _Optional[_Iterable[_Union[ModelChange, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CompareModelsRequest(_message.Message):
    __slots__ = ("parent", "shadow")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    parent: str
    shadow: str
    def __init__(self, parent: _Optional[str] = ..., shadow: _Optional[str] = ...) -> None: ...

class ModelComparison(_message.Message):
    __slots__ = ("shadow", "against", "frames", "failed", "first_time", "last_time", "categories", "differing")
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    AGAINST_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    DIFFERING_FIELD_NUMBER: _ClassVar[int]
    shadow: str
    against: _containers.RepeatedScalarFieldContainer[str]
    frames: int
    failed: int
    first_time: _timestamp_pb2.Timestamp
    last_time: _timestamp_pb2.Timestamp
    categories: _containers.RepeatedCompositeFieldContainer[CategoryComparison]
    differing: _containers.RepeatedCompositeFieldContainer[FrameComparison]
    def __init__(self, shadow: _Optional[str] = ..., against: _Optional[_Iterable[str]] = ..., frames: _Optional[int] = ..., failed: _Optional[int] = ..., first_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., categories: _Optional[_Iterable[_Union[CategoryComparison, _Mapping]]] = ..., differing: _Optional[_Iterable[_Union[FrameComparison, _Mapping]]] = ...) -> None: ...

class FrameComparison(_message.Message):
    __slots__ = ("imagery", "recategorised", "only_active", "only_shadow")
    IMAGERY_FIELD_NUMBER: _ClassVar[int]
    RECATEGORISED_FIELD_NUMBER: _ClassVar[int]
    ONLY_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ONLY_SHADOW_FIELD_NUMBER: _ClassVar[int]
    imagery: str
    recategorised: int
    only_active: int
    only_shadow: int
    def __init__(self, imagery: _Optional[str] = ..., recategorised: _Optional[int] = ..., only_active: _Optional[int] = ..., only_shadow: _Optional[int] = ...) -> None: ...

class CategoryComparison(_message.Message):
    __slots__ = ("category", "active", "shadow", "both", "recategorised", "only_active", "only_shadow")
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    BOTH_FIELD_NUMBER: _ClassVar[int]
    RECATEGORISED_FIELD_NUMBER: _ClassVar[int]
    ONLY_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    ONLY_SHADOW_FIELD_NUMBER: _ClassVar[int]
    category: str
    active: int
    shadow: int
    both: int
    recategorised: int
    only_active: int
    only_shadow: int
    def __init__(self, category: _Optional[str] = ..., active: _Optional[int] = ..., shadow: _Optional[int] = ..., both: _Optional[int] = ..., recategorised: _Optional[int] = ..., only_active: _Optional[int] = ..., only_shadow: _Optional[int] = ...) -> None: ...
