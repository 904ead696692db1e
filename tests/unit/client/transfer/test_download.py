import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from client import ForeignAnswer, RetryPolicy, S3Refused, TransportFault
from client.transfer.download import download, download_as, file_name
from tests.support.client.fake_server import FakeServer, Handler, answer

RESULT = b'{"pages": 3}'


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


def test_an_error_does_not_show_the_signature_of_the_url(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/bucket/1.json?X-Amz-Signature=permission"
    with pytest.raises(TransportFault, match=r"GET http://127\.0\.0\.1:9/bucket/1\.json failed") as caught:
        download(url, tmp_path, "u1.json", RetryPolicy(tries=1))
    assert "permission" not in str(caught.value)


def test_what_has_no_name_gets_the_spare_one(server: FakeServer, tmp_path: Path) -> None:
    server.will(answer(200, b"1", x_amz_request_id="1"))
    assert download(f"{server.url}/x", tmp_path, "u1.json") == tmp_path / "u1.json"
    assert (tmp_path / "u1.json").read_bytes() == b"1"


def test_what_is_there_is_kept(server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "u1.json").write_bytes(b"mine")
    server.will(answer(200, b"1", x_amz_request_id="1"))
    with pytest.raises(FileExistsError, match="name another file"):
        download(f"{server.url}/x", tmp_path, "u1.json")
    assert (tmp_path / "u1.json").read_bytes() == b"mine"


def test_a_refusal_leaves_no_file(server: FakeServer, tmp_path: Path) -> None:
    server.will(answer(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"))
    with pytest.raises(S3Refused, match="403 AccessDenied: Request has expired"):
        download_as(f"{server.url}/x", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def break_off(handler: Handler) -> None:
    handler.receive()
    handler.send_response(200)
    handler.send_header("x-amz-request-id", "1")
    handler.send_header("Content-Length", "10")
    handler.end_headers()
    handler.wfile.write(b"12345")
    handler.close_connection = True


def test_half_a_result_is_none(server: FakeServer, tmp_path: Path) -> None:
    server.will(break_off)
    with pytest.raises(TransportFault, match="the download failed"):
        download_as(f"{server.url}/x", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_the_network_is_no_result(server: FakeServer, tmp_path: Path, pauses: list[float]) -> None:
    server.will(*[answer(200, b"<html>Welcome to our Wi-Fi</html>", "text/html", ETag='"1"')] * 10)
    with pytest.raises(ForeignAnswer):
        download_as(f"{server.url}/x", tmp_path / "a")
    assert len(pauses) == 9
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def url(server: FakeServer) -> str:
    """Where the result is, once."""
    server.will(answer(200, RESULT, x_amz_request_id="1"))
    return f"{server.url}/x"


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


class TestARegularFile:
    def test_that_is_new_gets_the_mode_that_the_umask_leaves(self, url: str, tmp_path: Path, umask: int) -> None:
        download_as(url, tmp_path / "a")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask

    @pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
    @pytest.mark.usefixtures("umask")
    def test_that_is_there_keeps_its_mode(self, url: str, tmp_path: Path, mode: int) -> None:
        target = tmp_path / "a"
        target.write_bytes(b"before")
        target.chmod(mode)
        download_as(url, target)
        assert target.read_bytes() == RESULT
        assert stat.S_IMODE(target.stat().st_mode) == mode

    def test_is_replaced_by_one_that_keeps_its_owner_and_group(
        self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As far as this user may give files away."""
        given: list[tuple[int, int]] = []

        def refuse(_: int, owner: int, group: int) -> None:
            given.append((owner, group))
            raise PermissionError

        monkeypatch.setattr(os, "fchown", refuse)
        target = tmp_path / "a"
        target.write_bytes(b"before")
        download_as(url, target)
        assert given == [(os.getuid(), -1), (-1, target.stat().st_gid)]
        assert target.read_bytes() == RESULT

    @pytest.mark.parametrize("is_there", [True, False])
    def test_is_written_where_links_lead(self, url: str, tmp_path: Path, *, is_there: bool) -> None:
        (folder := tmp_path / "elsewhere").mkdir()
        target, link, further = folder / "a", tmp_path / "link", tmp_path / "further"
        link.symlink_to("elsewhere/a")
        further.symlink_to(link)
        if is_there:
            target.write_bytes(b"before")
        download_as(url, further)
        assert target.read_bytes() == RESULT
        assert (further.is_symlink(), link.is_symlink(), target.is_symlink()) == (True, True, False)
        assert list(folder.iterdir()) == [target]

    def test_is_replaced_at_once(self, server: FakeServer, tmp_path: Path) -> None:
        """Who has it open reads on; who opens it meanwhile finds what was there."""
        target = tmp_path / "a"
        target.write_bytes(b"before")
        seen: list[bytes] = []

        def look_on(handler: Handler) -> None:
            seen.append(target.read_bytes())
            answer(200, RESULT, x_amz_request_id="1")(handler)

        server.will(look_on)
        with target.open("rb") as opened:
            download_as(f"{server.url}/x", target)
            assert (opened.read(), seen, target.read_bytes()) == (b"before", [b"before"], RESULT)

    def test_stays_as_it_is_if_the_result_breaks_off(self, server: FakeServer, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"before")
        server.will(break_off)
        with pytest.raises(TransportFault):
            download_as(f"{server.url}/x", tmp_path / "a")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]

    def test_stays_as_it_is_if_somebody_interrupts(
        self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> Iterator[bytes]:
            yield RESULT
            raise KeyboardInterrupt

        monkeypatch.setattr(urllib3.HTTPResponse, "stream", interrupt)
        (tmp_path / "a").write_bytes(b"before")
        with pytest.raises(KeyboardInterrupt):
            download_as(url, tmp_path / "a")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]

    def test_of_the_results_own_name_is_not_written_through_a_link(self, url: str, tmp_path: Path) -> None:
        (tmp_path / "u1.json").symlink_to(tmp_path / "nowhere")
        with pytest.raises(FileExistsError):
            download(url, tmp_path, "u1.json")
        assert not (tmp_path / "nowhere").exists()


class TestWhatIsNoRegularFile:
    def test_such_as_a_pipe_is_written_to(self, url: str, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        read: list[bytes] = []
        reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
        reader.start()
        download_as(url, pipe)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        reader.join()
        assert read == [RESULT]

    def test_such_as_a_terminal_is_written_to_by_a_link_as_well(self, url: str, tmp_path: Path) -> None:
        ours, theirs = os.openpty()
        (tmp_path / "link").symlink_to(os.ttyname(theirs))
        download_as(url, tmp_path / "link")
        assert os.read(ours, 100) == RESULT
        assert stat.S_ISCHR((tmp_path / "link").stat().st_mode)
        for each in (ours, theirs):
            os.close(each)

    @pytest.mark.parametrize("place", ["/dev/fd/{}", "/proc/self/fd/{}"])
    def test_such_as_an_open_file_is_written_to_where_it_stands(self, url: str, tmp_path: Path, place: str) -> None:
        target, link = tmp_path / "a", tmp_path / "link"
        with target.open("wb", buffering=0) as opened:
            link.symlink_to(place.format(opened.fileno()))
            opened.write(b"first, ")
            download_as(url, link)
            opened.write(b", last")
        assert target.read_bytes() == b"first, " + RESULT + b", last"

    def test_such_as_a_folder_is_refused_before_anything_is_fetched(self, server: FakeServer, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError):
            download_as(f"{server.url}/x", tmp_path)
        assert server.requests == []
