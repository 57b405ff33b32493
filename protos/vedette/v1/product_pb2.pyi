import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vedette.v1 import pledge_pb2 as _pledge_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProductKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRODUCT_KIND_UNSPECIFIED: _ClassVar[ProductKind]
    PRODUCT_KIND_ANNOTATED_IMAGE: _ClassVar[ProductKind]
    PRODUCT_KIND_GEOJSON: _ClassVar[ProductKind]
    PRODUCT_KIND_KMZ: _ClassVar[ProductKind]
    PRODUCT_KIND_EVIDENCE: _ClassVar[ProductKind]
    PRODUCT_KIND_OVERLAY: _ClassVar[ProductKind]
    PRODUCT_KIND_OVERLAY_ANNOTATED: _ClassVar[ProductKind]
PRODUCT_KIND_UNSPECIFIED: ProductKind
PRODUCT_KIND_ANNOTATED_IMAGE: ProductKind
PRODUCT_KIND_GEOJSON: ProductKind
PRODUCT_KIND_KMZ: ProductKind
PRODUCT_KIND_EVIDENCE: ProductKind
PRODUCT_KIND_OVERLAY: ProductKind
PRODUCT_KIND_OVERLAY_ANNOTATED: ProductKind

class Product(_message.Message):
    __slots__ = ("name", "kind", "media_type", "file_name", "size_bytes", "sha256", "create_time", "marking")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    FILE_NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    MARKING_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ProductKind
    media_type: str
    file_name: str
    size_bytes: int
    sha256: str
    create_time: _timestamp_pb2.Timestamp
    marking: _pledge_pb2.Marking
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ProductKind, str]] = ..., media_type: _Optional[str] = ..., file_name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., marking: _Optional[_Union[_pledge_pb2.Marking, str]] = ...) -> None: ...

class ListProductsRequest(_message.Message):
    __slots__ = ("parent",)
    PARENT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    def __init__(self, parent: _Optional[str] = ...) -> None: ...

class ListProductsResponse(_message.Message):
    __slots__ = ("products",)
    PRODUCTS_FIELD_NUMBER: _ClassVar[int]
    products: _containers.RepeatedCompositeFieldContainer[Product]
    def __init__(self, products: _Optional[_Iterable[_Union[Product, _Mapping]]] = ...) -> None: ...

class GetProductRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DownloadProductRequest(_message.Message):
    __slots__ = ("name", "offset")
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    name: str
    offset: int
    def __init__(self, name: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class DownloadProductResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...
