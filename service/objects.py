"""Objects in any store that speaks S3: written, read back and compared before they count."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from pipelines.assessment import ProductKind
from service.errors import ChecksumMismatchError, NotFoundError, StartupError, UnavailableError

_LOG = logging.getLogger("vedette.objects")
_BLOCK = 256 << 10
# After a kill -9 SeaweedFS needs up to five seconds until readers are served again.
_PATIENCE_SECONDS = 12.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NotFound", "ResourceNotFound"})

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Credentials:
    """An access key; its secret never appears in text."""

    access_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"S3Credentials(access_key={self.access_key!r})"


def original_key(mission_id: str, sha256: str) -> str:
    """Where the bytes of submitted imagery lie: under their own hash."""
    return f"missions/{mission_id}/originals/{sha256}"


def product_key(mission_id: str, imagery_id: str, kind: ProductKind, sha256: str) -> str:
    """Where a product lies; the hash keeps an older worker from changing what is recorded."""
    return f"missions/{mission_id}/imagery/{imagery_id}/{kind.value}/{sha256}"


def chip_key(mission_id: str, incident_id: str, sha256: str) -> str:
    """Where the chip of a dismissed incident lies."""
    return f"missions/{mission_id}/negatives/{incident_id}/{sha256}"


class ObjectStore:
    """One bucket of an S3 store.

    Calls are repeated for some ten seconds while the store does not answer.

    Args:
        endpoint: "http://127.0.0.1:8333" or "https://...".
        credentials: the access key.
        bucket: its name.
        region: its region, where the store wants one.
        settle: makes everything written so far survive a power cut; a store that has acknowledged
            only what is durable needs nothing.
    """

    def __init__(
        self,
        endpoint: str,
        credentials: S3Credentials,
        bucket: str,
        *,
        region: str = "us-east-1",
        settle: Callable[[], None] | None = None,
    ) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"}:
            raise StartupError(f"{endpoint!r} is not an S3 endpoint such as https://host:port")
        if not _BUCKET.fullmatch(bucket):
            raise StartupError(
                f"{bucket!r} is not a bucket's name: 3 to 63 lower-case letters, digits, hyphens"
            )
        self._bucket = bucket
        self._settle = settle
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=3, read=60),
            maxsize=32,
            retries=False,
            # Certificates are checked against those that the machine trusts.
            cert_reqs="CERT_REQUIRED",
        )
        self._client = Minio(
            endpoint=parts.netloc,
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            secure=parts.scheme == "https",
            region=region,
            http_client=self._pool,
        )

    @property
    def bucket(self) -> str:
        """Its name."""
        return self._bucket

    def ensure_bucket(self) -> None:
        """Make the bucket where it is missing.

        Raises:
            UnavailableError: the store does not answer, or refuses.
        """

        def make() -> None:
            if not self._client.bucket_exists(bucket_name=self._bucket):
                try:
                    self._client.make_bucket(bucket_name=self._bucket)
                except S3Error as error:
                    # Another process was quicker.
                    if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                        raise

        self._patiently(make)

    def put_verified(
        self, key: str, source: Path | bytes, *, sha256: str, content_type: str
    ) -> None:
        """Store bytes and read them back; bytes that are there already are only read.

        Raises:
            ChecksumMismatchError: what the store gives back, or the source, has another SHA-256.
            UnavailableError: the store does not answer.
        """
        size = source.stat().st_size if isinstance(source, Path) else len(source)

        def put() -> None:
            with _open(source) as stream:
                self._client.put_object(
                    bucket_name=self._bucket,
                    object_name=key,
                    data=stream,
                    length=size,
                    content_type=content_type,
                )

        if self.size(key) == size and self.sha256(key) == sha256:
            return
        self._patiently(put)
        if (stored := self.sha256(key)) != sha256:
            raise ChecksumMismatchError(
                f"the object store gave back {stored} for what should be {sha256}"
            )

    def get(self, key: str) -> bytes:
        """All bytes of an object.

        Raises:
            NotFoundError: no such object.
            UnavailableError: the store does not answer.
        """
        return self._patiently(lambda: b"".join(self._read(key, 0)))

    def stream(self, key: str, offset: int = 0) -> Iterator[bytes]:
        """The bytes of an object from an offset, in blocks of at most 256 KiB.

        Raises:
            NotFoundError: no such object.
            UnavailableError: the store does not answer, or stopped on the way for good.
        """
        size = self.size(key)
        if size is None:
            raise NotFoundError("the object store has no such object", field="name")
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while offset < size:
            try:
                for block in self._read(key, offset):
                    offset += len(block)
                    deadline = time.monotonic() + _PATIENCE_SECONDS
                    yield block
            except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
                _pause_or_raise(error, deadline)

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Keys that begin with a prefix, by name, and sizes in bytes.

        Raises:
            NotFoundError: there is no such bucket.
            UnavailableError: the store does not answer, or refuses.
        """

        def pages() -> list[tuple[str, int]]:
            found = self._client.list_objects(
                bucket_name=self._bucket, prefix=prefix, recursive=True
            )
            return [(one.object_name, one.size or 0) for one in found if not one.is_dir]

        yield from self._patiently(pages)

    def read(self, key: str, offset: int, length: int) -> bytes:
        """A range of an object's bytes; fewer only at its end.

        Args:
            key: of the object.
            offset: of the first byte, inside the object.
            length: how many, at least 1.

        Raises:
            NotFoundError: no such object.
            UnavailableError: the store does not answer, or refuses.
        """

        def ranged() -> bytes:
            response = self._client.get_object(
                bucket_name=self._bucket, object_name=key, offset=offset, length=length
            )
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

        return self._patiently(ranged)

    def size(self, key: str) -> int | None:
        """Size of an object in bytes; None where there is none.

        Raises:
            UnavailableError: the store does not answer.
        """

        def stat() -> int | None:
            try:
                found = self._client.stat_object(bucket_name=self._bucket, object_name=key)
            except S3Error as error:
                if error.code in _MISSING:
                    return None
                raise
            return found.size

        return self._patiently(stat)

    def sha256(self, key: str) -> str:
        """Lower-case hexadecimal SHA-256 of an object's bytes as the store gives them back.

        Raises:
            NotFoundError: no such object.
            UnavailableError: the store does not answer.
        """

        def digest() -> str:
            running = hashlib.sha256()
            for block in self._read(key, 0):
                running.update(block)
            return running.hexdigest()

        return self._patiently(digest)

    def settle(self) -> None:
        """Return when everything stored so far survives a power cut."""
        if self._settle is not None:
            self._settle()

    def close(self) -> None:
        """Close every connection."""
        self._pool.clear()

    def _read(self, key: str, offset: int) -> Iterator[bytes]:
        response = self._client.get_object(bucket_name=self._bucket, object_name=key, offset=offset)
        try:
            yield from response.stream(_BLOCK)
        finally:
            response.close()
            response.release_conn()

    def _patiently(self, call: Callable[[], Result]) -> Result:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return call()
            except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
                _pause_or_raise(error, deadline)


def _open(source: Path | bytes) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else BytesIO(source)


def _pause_or_raise(error: Exception, deadline: float) -> None:
    """Wait a little before the next attempt, or raise what the error means."""
    if isinstance(error, S3Error):
        if error.code in _MISSING:
            raise NotFoundError("the object store has no such object", field="name") from error
        if error.response.status < 500:
            # Waiting does not make a refused key a good one.
            raise UnavailableError(f"the object store refuses: {error.code}") from error
    if time.monotonic() > deadline:
        raise UnavailableError(
            f"the object store does not answer: {type(error).__name__}"
        ) from error
    _LOG.debug("the object store does not answer yet: %s", type(error).__name__)
    time.sleep(0.25)
