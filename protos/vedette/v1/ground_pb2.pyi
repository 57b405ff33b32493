from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_LOCATED: _ClassVar[Outcome]
    OUTCOME_ABOVE_HORIZON: _ClassVar[Outcome]
    OUTCOME_NO_INTERSECTION: _ClassVar[Outcome]
    OUTCOME_DEM_GAP: _ClassVar[Outcome]
    OUTCOME_NO_ATTITUDE: _ClassVar[Outcome]
    OUTCOME_NO_POSITION: _ClassVar[Outcome]
    OUTCOME_NO_HEIGHT: _ClassVar[Outcome]
    OUTCOME_NO_INTRINSICS: _ClassVar[Outcome]
    OUTCOME_POSE_REJECTED: _ClassVar[Outcome]
    OUTCOME_OUTSIDE_IMAGE: _ClassVar[Outcome]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_LOCATED: Outcome
OUTCOME_ABOVE_HORIZON: Outcome
OUTCOME_NO_INTERSECTION: Outcome
OUTCOME_DEM_GAP: Outcome
OUTCOME_NO_ATTITUDE: Outcome
OUTCOME_NO_POSITION: Outcome
OUTCOME_NO_HEIGHT: Outcome
OUTCOME_NO_INTRINSICS: Outcome
OUTCOME_POSE_REJECTED: Outcome
OUTCOME_OUTSIDE_IMAGE: Outcome

class GroundPoint(_message.Message):
    __slots__ = ("outcome", "latitude_deg", "longitude_deg", "hae_m", "covariance_enu_m2", "ce90_m", "le90_m", "slant_range_m", "terrain", "mgrs", "occlusion_risk")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    HAE_M_FIELD_NUMBER: _ClassVar[int]
    COVARIANCE_ENU_M2_FIELD_NUMBER: _ClassVar[int]
    CE90_M_FIELD_NUMBER: _ClassVar[int]
    LE90_M_FIELD_NUMBER: _ClassVar[int]
    SLANT_RANGE_M_FIELD_NUMBER: _ClassVar[int]
    TERRAIN_FIELD_NUMBER: _ClassVar[int]
    MGRS_FIELD_NUMBER: _ClassVar[int]
    OCCLUSION_RISK_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    latitude_deg: float
    longitude_deg: float
    hae_m: float
    covariance_enu_m2: _containers.RepeatedScalarFieldContainer[float]
    ce90_m: float
    le90_m: float
    slant_range_m: float
    terrain: str
    mgrs: str
    occlusion_risk: bool
    def __init__(self, outcome: _Optional[_Union[Outcome, str]] = ..., latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., hae_m: _Optional[float] = ..., covariance_enu_m2: _Optional[_Iterable[float]] = ..., ce90_m: _Optional[float] = ..., le90_m: _Optional[float] = ..., slant_range_m: _Optional[float] = ..., terrain: _Optional[str] = ..., mgrs: _Optional[str] = ..., occlusion_risk: _Optional[bool] = ...) -> None: ...
