"""Compares an object with its declaration: size, metadata, checksum and type. Reads only the bytes that this needs."""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from contextlib import closing
from typing import Protocol

from handlers.domain.declaration import Checksum, ChecksumAlgorithm, UploadRequest, shown
from handlers.domain.media_types import HEAD_BYTES, can_be_checked, contradiction
from handlers.domain.rejection import Rejection
from handlers.storage.objects import ObjectFacts, ObjectStore, ObjectVersion


def verify(
    objects: ObjectStore, version: ObjectVersion, declared: UploadRequest, *, allowed_content_types: Sequence[str]
) -> Rejection | None:
    """Return how the object differs from its declaration, or None. An empty list allows all types.

    The whole object is read only for a checksum that S3 has not computed itself: once, in the memory of one chunk.
    Otherwise at most its first bytes are read.
    """
    found = objects.describe(version)
    if found.size_bytes != declared.size_bytes:
        sentence = f"The object has {found.size_bytes} bytes, but {declared.size_bytes} were declared."
        return Rejection("size-mismatch", sentence)
    if rejection := _metadata_rejection(declared, found):
        return rejection
    if declared.checksum:
        value = found.checksums.get(declared.checksum.algorithm)
        if value is None:
            return _verify_stream(objects, version, declared, declared.checksum, allowed_content_types)
        if rejection := _checksum_rejection(declared.checksum, value):
            return rejection
    if can_be_checked(declared.content_type, allowed_content_types):
        return _type_rejection(declared, objects.head(version, HEAD_BYTES), allowed_content_types)
    return None


def _metadata_rejection(declared: UploadRequest, found: ObjectFacts) -> Rejection | None:
    """Return a rejection if a GET of the object would return more metadata than the declared type.

    A client of a presigned URL can add headers that S3 stores with the object: Signature Version 4 asks only
    for those that begin with x-amz- to be signed.
    """
    if _one_spaced(found.content_type) != _one_spaced(declared.content_type):
        found_type = shown(found.content_type)
        sentence = f"The object's Content-Type is {found_type}, but {declared.content_type} was declared."
        return Rejection("metadata-mismatch", sentence)
    for name, value in found.metadata.items():
        return Rejection("metadata-mismatch", f"The object's {name} is {shown(value)}, but none was declared.")
    return None


def _one_spaced(content_type: str) -> str:
    """Reduce spaces to one: the signature does not depend on their number, so a client can send more."""
    return " ".join(content_type.split()).lower()


def _verify_stream(
    objects: ObjectStore,
    version: ObjectVersion,
    declared: UploadRequest,
    checksum: Checksum,
    allowed_content_types: Sequence[str],
) -> Rejection | None:
    digest, is_first = _digest(checksum.algorithm), True
    with closing(objects.chunks(version)) as chunks:
        for chunk in chunks:
            if is_first and (rejection := _type_rejection(declared, chunk[:HEAD_BYTES], allowed_content_types)):
                return rejection
            is_first = False
            digest.update(chunk)
    return _checksum_rejection(checksum, base64.b64encode(digest.digest()).decode())


def _checksum_rejection(declared: Checksum, value: str) -> Rejection | None:
    if value == declared.value:
        return None
    sentence = f"The object's {declared.algorithm} is {value}, but {declared.value} was declared."
    return Rejection("checksum-mismatch", sentence)


def _type_rejection(declared: UploadRequest, head: bytes, allowed_content_types: Sequence[str]) -> Rejection | None:
    found = contradiction(declared.content_type, head, allowed_content_types)
    if found is None:
        return None
    return Rejection("type-mismatch", f"The object is {found}, but {declared.content_type} was declared.")


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _digest(algorithm: ChecksumAlgorithm) -> _Digest:
    return hashlib.sha256() if algorithm is ChecksumAlgorithm.SHA256 else _Crc32()
