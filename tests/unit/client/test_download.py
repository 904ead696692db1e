from pathlib import Path

import pytest

from client import S3Refused, TransportFault
from client.download import download, download_as, file_name
from tests.unit.client.fake_server import FakeServer, Handler, answer


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="film.mp4.json"', "film.mp4.json"),
        ("attachment; filename=film.json", "film.json"),
        ("attachment; filename=\"film_.json\"; filename*=UTF-8''film%C3%A9.json", "filmé.json"),
        ("attachment; filename*=utf-8'fr'a%20b.json; filename=\"x\"", "a b.json"),
        ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
        ('attachment; filename="C:\\\\Windows\\\\win.ini"', "win.ini"),
        ("attachment; filename*=UTF-8''a%00b%0A.json", "ab.json"),
        ('attachment; filename=".."', ""),
        ("attachment; filename*=UTF-8''%2F", ""),
        ("attachment", ""),
        ("", ""),
    ],
)
def test_a_name_comes_without_any_folder(disposition: str, name: str) -> None:
    assert file_name(disposition) == name


def test_what_has_no_name_gets_the_spare_one(server: FakeServer, tmp_path: Path) -> None:
    server.will(answer(200, b"1"))
    assert download(f"{server.url}/x", tmp_path, "u1.json") == tmp_path / "u1.json"
    assert (tmp_path / "u1.json").read_bytes() == b"1"


def test_what_is_there_is_kept(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "u1.json").write_bytes(b"mine")
    server.will(answer(200, b"1"))
    with pytest.raises(FileExistsError, match="name another file"):
        download(f"{server.url}/x", tmp_path, "u1.json")
    assert (tmp_path / "u1.json").read_bytes() == b"mine"


def test_a_refusal_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    server.will(answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
    with pytest.raises(S3Refused, match="403 AccessDenied: Request has expired"):
        download_as(f"{server.url}/x", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_half_a_result_is_none(server: FakeServer, tmp_path: Path) -> None:
    def break_off(handler: Handler) -> None:
        handler.receive()
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"12345")
        handler.close_connection = True

    server.will(break_off)
    with pytest.raises(TransportFault, match="the download failed"):
        download_as(f"{server.url}/x", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
