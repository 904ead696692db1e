"""How a transfer ends early: what is renewed, what is refused for good, what stays open, and what is kept of it."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client import (
    ApiProblem,
    FileChanged,
    OnProgress,
    Portage,
    PortageError,
    Progress,
    S3Refused,
    Session,
    TransportFault,
    Upload,
)
from client.__main__ import main
from client.auth.cognito import Tokens
from tests.support.client.fake_cognito import EMAIL, FakeCognito, id_token
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Handler, Reaction, answer, reset
from tests.support.client.multipart import ALONE, KIB, QUICK, Open, StoppedError, assert_arrived, interrupted

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command keeps what it has begun."""
    return tmp_path / "XDG_CACHE_HOME" / "portage" / "uploads"


@pytest.mark.usefixtures("signed_in")
class TestASignIn:
    def test_that_the_api_refuses_in_the_middle_is_renewed_once(
        self, fake: FakePortage, cognito: FakeCognito, file: Path
    ) -> None:
        """The machine slept: its clock does not know that the token has expired."""
        cognito.requests.clear()
        fake.will(fake.serve, answer(401), *[fake.serve] * 3)
        assert main(["put", str(file)]) == 0
        assert_arrived(fake, file)
        assert len(cognito.requests) == 2  # at the start, and once more

    def test_that_the_api_refuses_again_is_over(self, fake: FakePortage, file: Path) -> None:
        fake.will(answer(401), answer(401))
        assert main(["put", str(file)]) == 3
        assert fake.uploads == {}

    @pytest.mark.parametrize(
        "outage",
        [
            answer(500, b"oops", "text/plain"),
            answer(400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"}),
            answer(429, {"__type": "TooManyRequestsException", "message": "Rate exceeded"}),
            answer(500, {"__type": "InternalErrorException", "message": ""}),
            reset,
        ],
    )
    def test_waits_for_cognito(
        self, cognito: FakeCognito, fake: FakePortage, file: Path, outage: Reaction, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve, left = cognito.next_reaction, [outage, outage]
        monkeypatch.setattr(cognito, "next_reaction", lambda: left.pop() if left else serve())
        assert main(["put", str(file)]) == 0
        assert_arrived(fake, file)

    @pytest.mark.usefixtures("pauses")
    def test_is_not_refused_by_an_outage_of_cognito(
        self, cognito: FakeCognito, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cognito.requests.clear()
        monkeypatch.setattr(cognito, "next_reaction", lambda: answer(503))
        assert main(["put", str(file)]) == 5
        assert len(cognito.requests) == 10

    @pytest.mark.parametrize("code", ["NotAuthorizedException", "UserNotFoundException", "ResourceNotFoundException"])
    def test_is_refused_by_a_definite_answer(
        self, cognito: FakeCognito, file: Path, monkeypatch: pytest.MonkeyPatch, code: str
    ) -> None:
        cognito.requests.clear()
        monkeypatch.setattr(cognito, "next_reaction", lambda: answer(400, {"__type": code, "message": "no"}))
        assert main(["put", str(file)]) == 3
        assert len(cognito.requests) == 1


def test_a_session_renews_its_token_after_the_machine_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [id_token("ada", number) for number in range(2)]
    session = Session(Tokens(tokens[0]), lambda _: Tokens(tokens[1]))
    assert session.id_token() == tokens[0]
    now = time.time()
    monkeypatch.setattr("client.auth.cognito.time", lambda: now + 4000)
    assert session.id_token() == tokens[1]


def test_a_session_renews_a_token_once_that_several_threads_were_refused() -> None:
    tokens = [id_token("ada", number) for number in range(3)]
    fresh = iter(tokens[1:])
    session = Session(Tokens(tokens[0]), lambda _: Tokens(next(fresh)))
    session.renew(tokens[0])
    session.renew(tokens[0])
    assert session.id_token() == tokens[1]


class TestAFolderForTheState:
    @pytest.fixture(params=["a file in its place", "a file in the place of its parent", "full"])
    def broken(
        self, request: pytest.FixtureRequest, signed_in: Path, file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert signed_in
        assert file  # both are written before
        place = {"a file in its place": folder, "a file in the place of its parent": folder.parent}.get(request.param)
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("no folder")
            return

        def full(_: Path, _content: bytes) -> int:
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(Path, "write_bytes", full)

    @pytest.mark.usefixtures("broken")
    @pytest.mark.parametrize("method", ["put", "multipart"])
    def test_that_cannot_be_written_is_a_warning(
        self, signed_in: Path, fake: FakePortage, file: Path, capsys: Capture, method: str
    ) -> None:
        assert signed_in
        assert main(["put", str(file), "--method", method]) == 0
        assert fake.only.status == ("uploaded" if method == "multipart" else "pending")
        assert fake.only.upload_id in capsys.readouterr().err

    @pytest.mark.usefixtures("pauses", "broken")
    @pytest.mark.parametrize("method", ["put", "multipart"])
    def test_that_cannot_be_written_leaves_no_upload_without_a_name(
        self, signed_in: Path, fake: FakePortage, file: Path, capsys: Capture, method: str
    ) -> None:
        assert signed_in
        fake.on_part = lambda _number, _tries: reset
        assert main(["put", str(file), "--method", method]) == 5
        told, upload_id = capsys.readouterr().err, fake.only.upload_id
        assert f"portage abort {upload_id}" in told
        assert "or the same command again" not in told, "it would make a second upload"
        assert (f"portage resume {file} --id {upload_id}`" in told) == (method == "multipart")


@pytest.mark.parametrize("content", ["{", "", '{"version": 1}'])
def test_a_damaged_state_is_skipped_with_a_warning(
    signed_in: Path,
    fake: FakePortage,
    file: Path,
    folder: Path,
    capsys: Capture,
    *,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    assert signed_in
    fake.on_part = lambda number, _tries: refused(403, "AccessDenied") if number > 5 else None
    assert main(["put", str(file)]) == 4
    damaged = folder / "0.json"
    damaged.write_text(content)
    fake.on_part = lambda _number, _tries: None
    capsys.readouterr()
    assert main(["resume"]) == 0
    assert_arrived(fake, file)
    assert str(damaged) in capsys.readouterr().err
    assert main(["abort", fake.only.upload_id]) == 4  # it is complete; the state has no part in that
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"content")))
    assert main(["put", "-"]) == 0


def test_an_abort_needs_no_state(signed_in: Path, fake: FakePortage, file: Path, folder: Path) -> None:
    assert signed_in
    fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")
    assert main(["put", str(file)]) == 4
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    folder.write_text("no folder")
    assert main(["abort", fake.only.upload_id]) == 0
    assert fake.only.status == "aborted"


class TestAccounts:
    def test_have_uploads_of_their_own(self, fake: FakePortage, tmp_path: Path, file: Path) -> None:
        def portage(user: str) -> Portage:
            return Portage(fake.url, id_token(user), state_folder=tmp_path / "state", config=ALONE)

        def stop(progress: Progress) -> None:
            if progress.sent_parts >= 3:
                raise StoppedError

        with portage("ada") as ada, portage("bob") as bob:
            with pytest.raises(StoppedError):
                ada.upload(file, on_progress=stop)
            assert list(bob.unfinished()) == []
            assert bob.upload(file).upload_id == "u2"
            assert [each.upload_id for each in ada.unfinished()] == ["u1"]
            assert ada.upload(file).upload_id == "u1"
            assert list(ada.unfinished()) == []

    @pytest.mark.parametrize(
        "options", [{"file_name": "other.mp4"}, {"content_type": "video/x-other"}, {"checksum": "crc32"}]
    )
    def test_go_on_only_with_what_was_declared_in_the_same_way(
        self, fake: FakePortage, open_portage: Open, file: Path, options: dict[str, Any]
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        warnings: list[str] = []
        portage = open_portage(ALONE)
        portage._warn = warnings.append  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        assert portage.upload(file, **options).upload_id == "u2"
        assert "u1" in warnings[0]
        assert portage.upload(file).upload_id == "u1"


Happens = Callable[[FakePortage, Path], OnProgress | None]


def change_while_sent(_fake: FakePortage, file: Path) -> OnProgress:
    file.write_bytes(bytes(3 * 1024 * KIB))  # the client reports after each megabyte

    def change(_: Progress) -> None:
        with file.open("ab") as opened:
            opened.write(b"more")

    return change


def refuse_for_good(fake: FakePortage, _file: Path) -> None:
    fake.on_part = lambda _number, _tries: refused(403, "AccessDenied")


def fail_to_read(_fake: FakePortage, file: Path) -> OnProgress:
    file.write_bytes(bytes(3 * 1024 * KIB))

    def fail(_: Progress) -> None:
        raise OSError(5, os.strerror(5), str(file))

    return fail


def fail_for_long(fake: FakePortage, _file: Path) -> None:
    fake.on_part = lambda _number, _tries: reset


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize(
    ("method", "happens", "error", "is_aborted"),
    [
        ("put", change_while_sent, FileChanged, True),
        ("multipart", change_while_sent, FileChanged, True),
        ("put", fail_to_read, OSError, True),
        ("multipart", fail_to_read, OSError, False),
        ("put", refuse_for_good, S3Refused, True),
        ("post", refuse_for_good, S3Refused, True),
        ("multipart", refuse_for_good, S3Refused, False),
        ("put", fail_for_long, TransportFault, False),
        ("multipart", fail_for_long, TransportFault, False),
    ],
)
def test_an_early_end_aborts_the_upload_or_says_how_to_go_on(
    fake: FakePortage,
    open_portage: Open,
    file: Path,
    *,
    method: str,
    happens: Happens,
    error: Any,
    is_aborted: bool,
) -> None:
    on_progress = happens(fake, file)
    portage = open_portage(ALONE)
    with pytest.raises(error) as caught:
        portage.upload(file, on_progress=on_progress, method=method)
    (note,) = caught.value.__notes__
    assert "u1" in note
    assert ("portage abort u1" in note, "portage resume" in note) == (not is_aborted, not is_aborted)
    assert fake.only.status == ("aborted" if is_aborted else "pending")
    assert [each.upload_id for each in portage.unfinished()] == ([] if is_aborted else ["u1"])


def test_the_same_command_goes_on_with_an_upload_of_another_device(
    fake: FakePortage, open_portage: Open, file: Path
) -> None:
    interrupted(open_portage, fake, file, 1)

    def stop(_: Progress) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        open_portage(ALONE, "there").resume(file, upload_id="u1", on_progress=stop)
    assert open_portage(ALONE, "there").upload(file).upload_id == "u1"


@pytest.mark.parametrize("method", ["put", "multipart"])
def test_an_interrupt_says_how_to_go_on(fake: FakePortage, open_portage: Open, file: Path, method: str) -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    portage = open_portage(ALONE)
    with pytest.raises(KeyboardInterrupt) as caught:
        portage.upload(file, on_progress=interrupt, method=method)
    assert "portage resume" in caught.value.__notes__[0]
    (begun,) = portage.unfinished()
    assert portage.go_on(begun).upload_id == "u1"
    assert list(portage.unfinished()) == []
    assert len(fake.uploads) == 1


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("method", ["put", "post", "multipart"])
@pytest.mark.parametrize("outage", [answer(503), answer(200, b"<html>Sign in</html>", "text/html")])
def test_a_resume_that_fails_says_how_to_go_on(
    fake: FakePortage, open_portage: Open, file: Path, *, method: str, outage: Reaction
) -> None:
    fail_for_long(fake, file)
    with pytest.raises(TransportFault):
        open_portage(ALONE).upload(file, method=method)
    fake.will(*[outage] * QUICK.retry.tries)
    portage = open_portage(ALONE)
    (begun,) = portage.unfinished()
    with pytest.raises(PortageError) as caught:
        portage.go_on(begun)
    (note,) = caught.value.__notes__
    assert "portage resume" in note
    assert "portage abort u1" in note


@pytest.mark.usefixtures("pauses", "signed_in")
@pytest.mark.parametrize("words", [["put"], ["resume"]])
@pytest.mark.parametrize(("end", "code"), [(TransportFault, 5), (KeyboardInterrupt, 130)])
def test_a_wait_that_ends_early_says_how_to_wait_again(
    fake: FakePortage,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    *,
    words: list[str],
    end: type[BaseException],
    code: int,
) -> None:
    """The file is sent, so the same command again would make a second upload of it."""

    def fail(*_: object) -> None:
        raise end("no answer")

    if words == ["resume"]:
        refuse_for_good(fake, file)
        assert main(["put", str(file)]) == 4
        fake.on_part = lambda _number, _tries: None
    monkeypatch.setattr(Portage, "wait", fail)
    assert main([*words, str(file), "--wait"]) == code
    assert f"`portage status {fake.only.upload_id} --wait`" in capsys.readouterr().err


def test_an_abort_that_fails_is_told_with_the_id(fake: FakePortage, open_portage: Open, file: Path) -> None:
    serve = fake.serve

    def refuse_to_abort(handler: Handler) -> None:
        (answer(403) if handler.command == "DELETE" else serve)(handler)

    fake.serve = refuse_to_abort
    with pytest.raises(FileChanged) as caught:
        open_portage(ALONE).upload(file, on_progress=change_while_sent(fake, file))
    assert "u1 could not be aborted" in caught.value.__notes__[0]


def test_errors_in_json_have_the_id(signed_in: Path, fake: FakePortage, file: Path, capsys: Capture) -> None:
    assert signed_in
    refuse_for_good(fake, file)
    assert main(["--json", "put", str(file)]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert fake.only.upload_id in error["message"]


def test_another_sign_in_does_not_show_the_uploads_of_the_first(
    signed_in: Path, fake: FakePortage, cognito: FakeCognito, file: Path, capsys: Capture
) -> None:
    assert signed_in
    refuse_for_good(fake, file)
    assert main(["put", str(file)]) == 4
    cognito.subject = "bob"
    capsys.readouterr()
    assert main(["resume"]) == 0
    assert "no unfinished uploads" in capsys.readouterr().err
    cognito.subject = EMAIL
    fake.on_part = lambda _number, _tries: None
    assert main(["resume"]) == 0
    assert_arrived(fake, file)


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize(("status", "upload_id"), [("aborted", "u2"), ("expired", "u2"), ("processing", "u1")])
def test_a_file_is_declared_again_after_its_upload_ended_elsewhere_without_its_bytes(
    fake: FakePortage, open_portage: Open, file: Path, status: str, upload_id: str
) -> None:
    fail_for_long(fake, file)
    with pytest.raises(TransportFault):
        open_portage(ALONE).upload(file, method="put")
    fake.on_part = lambda _number, _tries: None
    fake.only.status = status
    assert open_portage(ALONE).upload(file, method="put").upload_id == upload_id


def test_a_function_is_asked_for_another_token_once(fake: FakePortage) -> None:
    tokens = iter(["old", "new"])
    with Portage(fake.url, lambda: next(tokens)) as portage:
        fake.will(answer(401), fake.serve)
        assert list(portage.list()) == []


def test_a_function_without_another_token_is_refused(fake: FakePortage) -> None:
    fake.will(answer(401))
    with Portage(fake.url, lambda: "old") as portage, pytest.raises(ApiProblem) as caught:
        list(portage.list())
    assert caught.value.status == 401


@pytest.mark.usefixtures("signed_in")
def test_an_interrupted_command_has_its_own_code(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupt(_: Portage) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Portage, "list", interrupt)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "portage: interrupted\n"


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(("error", "code"), [(28, 6), (32, 0)])
def test_an_output_that_fails_ends_the_command(
    fake: FakePortage, file: Path, monkeypatch: pytest.MonkeyPatch, error: int, code: int
) -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr("sys.stdout", Broken())
    assert main(["put", str(file)]) == code
    assert_arrived(fake, file)
    listed: list[Upload] = []

    def list_many(portage: Portage) -> Iterator[Upload]:
        for _ in range(3):
            listed.append(portage.get(fake.only.upload_id))
            yield listed[-1]

    monkeypatch.setattr(Portage, "list", list_many)
    assert main(["list"]) == code
    assert len(listed) == 1, "further pages are not fetched"
