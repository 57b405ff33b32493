"""Objects are read back from a real S3 before they count."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from minio import Minio

from pipelines.assessment import ProductKind
from service.errors import (
    ChecksumMismatchError,
    NotFoundError,
    StartupError,
    UnavailableError,
)
from service.objects import ObjectStore, S3Credentials, original_key, product_key
from service.seaweedfs import SeaweedProcess


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Around the part size of multipart uploads, 5 MiB, and below SeaweedFS's inline limit.
@pytest.mark.parametrize("size", [0, 1, 5 << 20, (11 << 20) + 3])
def test_bytes_come_back_as_they_went(objects: ObjectStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    objects.put_verified("from/file", path, sha256=sha256(data), content_type="image/jpeg")
    objects.put_verified("from/bytes", data, sha256=sha256(data), content_type="image/jpeg")
    assert objects.get("from/file") == objects.get("from/bytes") == data
    assert objects.size("from/file") == size
    assert objects.sha256("from/file") == sha256(data)
    for offset in {0, size // 2, max(size - 1, 0), size}:
        assert b"".join(objects.stream("from/file", offset)) == data[offset:]


def test_a_store_that_gives_back_other_bytes_is_found_out(objects: ObjectStore) -> None:
    with pytest.raises(ChecksumMismatchError):
        objects.put_verified("key", b"these", sha256=sha256(b"those"), content_type="text/plain")


def test_damaged_bytes_under_the_same_key_are_written_again(
    objects: ObjectStore, s3: SeaweedProcess
) -> None:
    good, bad = b"good bytes", b"bad  bytes"
    objects.put_verified("key", bad, sha256=sha256(bad), content_type="text/plain")
    objects.put_verified("key", good, sha256=sha256(good), content_type="text/plain")
    assert objects.get("key") == good
    # Another client of the same store sees the same.
    key = s3.credentials
    plain = Minio(
        endpoint=s3.endpoint.removeprefix("http://"),
        access_key=key.access_key,
        secret_key=key.secret_key,
        secure=False,
    )
    response = plain.get_object(bucket_name=objects.bucket, object_name="key")
    assert response.read() == good
    assert response.headers["content-type"] == "text/plain"
    response.close()


def test_what_is_not_there_is_not_found_at_once(objects: ObjectStore) -> None:
    assert objects.size("nothing") is None
    for call in (objects.get, objects.sha256, lambda key: list(objects.stream(key))):
        with pytest.raises(NotFoundError):
            call("nothing")


def test_a_wrong_key_is_refused_without_waiting_or_telling_it(s3: SeaweedProcess) -> None:
    wrong = S3Credentials(
        access_key=s3.credentials.access_key, secret_key=s3.credentials.secret_key[::-1]
    )
    assert wrong.secret_key not in repr(wrong)
    store = ObjectStore(s3.endpoint, wrong, "bucket")
    with pytest.raises(UnavailableError, match="refuses") as caught:
        store.ensure_bucket()
    assert wrong.secret_key not in str(caught.value)
    store.close()


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:8333", "ftp://host", "http://host/path", "http://"]
)
def test_an_endpoint_that_is_none_is_refused(s3: SeaweedProcess, endpoint: str) -> None:
    with pytest.raises(StartupError):
        ObjectStore(endpoint, s3.credentials, "bucket")


@pytest.mark.parametrize("bucket", ["", "ab", "Upper", "a/b", "-ab", "a" * 64])
def test_a_name_that_no_bucket_can_have_is_refused(s3: SeaweedProcess, bucket: str) -> None:
    with pytest.raises(StartupError, match="bucket"):
        ObjectStore(s3.endpoint, s3.credentials, bucket)


def test_keys_are_made_of_what_they_hold() -> None:
    assert original_key("unmiss", "ab") == "missions/unmiss/originals/ab"
    assert product_key("unmiss", "i1", ProductKind.KMZ, "cd") == "missions/unmiss/imagery/i1/kmz/cd"
