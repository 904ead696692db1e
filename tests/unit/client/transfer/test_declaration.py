from pathlib import Path

import pytest

from client import EmptyFile, WrongDeclaration
from client.transfer.declaration import Declaration
from client.transfer.source import SourceFile
from handlers.domain.declaration import UploadRequest
from handlers.domain.errors import InvalidRequest
from handlers.domain.plan import Method

GOOD = ["application/pdf", "text/plain; charset=utf-8", "text/plain;charset=utf-8", "a/b+c; x=1; y=2", f"a/{'b' * 253}"]
BAD = ["", "pdf", "text/", "/plain", "text/plain;", "text/plain; charset", 'a/b; c="d"', "a/b\n", f"a/{'b' * 254}"]


@pytest.fixture
def source(tmp_path: Path) -> SourceFile:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    return SourceFile.at(path)


@pytest.mark.parametrize("content_type", GOOD)
def test_a_media_type_that_the_api_takes_is_declared(source: SourceFile, content_type: str) -> None:
    declared = Declaration(source, "a", content_type, None, None)
    UploadRequest.parse({"file_name": "a", "content_type": declared.content_type, "size_bytes": 1}, list(Method))


@pytest.mark.parametrize("content_type", BAD)
def test_what_is_no_media_type_is_refused_as_the_api_would(source: SourceFile, content_type: str) -> None:
    with pytest.raises(WrongDeclaration, match="give a media type"):
        Declaration(source, "a", content_type, None, None)
    with pytest.raises(InvalidRequest):
        UploadRequest.parse({"file_name": "a", "content_type": content_type, "size_bytes": 1}, list(Method))


def test_an_empty_file_is_refused(source: SourceFile) -> None:
    source.path.write_bytes(b"")
    with pytest.raises(EmptyFile, match="has 0 bytes: give a file of at least 1 byte"):
        Declaration(SourceFile.at(source.path), "a", "a/b", None, None)
