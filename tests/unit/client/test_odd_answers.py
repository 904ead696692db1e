"""The client ends with an error of its own, or a value that it can show, regardless of what a server answers."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from shutil import rmtree
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client import Portage, PortageError, RetryPolicy, TransferConfig, Upload, UserPool
from client.cli.exit_codes import exit_code_of_error, exit_code_of_upload
from client.cli.output import Output
from tests.support.client.fake_cognito import id_token
from tests.support.client.fake_server import FakeServer, Handler

ONCE = TransferConfig(retry=RetryPolicy(tries=1), known_size_bytes=4)
TIME = "2026-01-02T03:04:05Z"
UPLOAD = {
    "upload_id": "0198",
    "status": "pending",
    "version": 3,
    "file_name": "film.mp4",
    "content_type": "video/mp4",
    "size_bytes": 3,
    "created_at": TIME,
    "updated_at": TIME,
    "result": {"bucket": "b", "key": "k"},
    "failure": {"code": "c", "detail": "d"},
    "rejection": None,
    "progress_percent": 4,
    "progress_note": "n",
}
CREATED = {"upload_id": "0198", "status": "pending", "expires_at": TIME, "expires_in_seconds": 900}
PLAN = {
    "part_size_bytes": 2,
    "part_count": 2,
    "session": "s",
    "session_expires_at": TIME,
}
STREAM_PLAN = PLAN | {
    "checksum_algorithm": None,
    "part_sizes": [{"first_part": 1, "size_bytes": 2}],
    "max_size_bytes": 4,
}
LISTING = PLAN | {
    "parts": [
        {"part_number": number, "size_bytes": size, "etag": '"e"', "checksum": "AAAA"}
        for number, size in ((1, 2), (2, 1))
    ],
}
SIGNED = {"first_part": 1, "url_suffix": "&s=", "signatures": ["a", "b"], "expires_at": "2999-01-02T03:04:05Z"}
PROBLEM = {
    "type": "urn:portage:problem:not-open",
    "title": "Not open",
    "detail": "d",
    "request_id": "r",
    "upload_id": "0198",
    "upload_status": "aborted",
}
SIGNED_IN = {
    "AuthenticationResult": {"IdToken": id_token("ada"), "RefreshToken": "r"},
    "ChallengeName": "",
    "Session": "s",
}
REFUSED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
S3 = {"ETag": '"e"', "x-amz-request-id": "4442587FB7D0A2F9"}

VALUES = (
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1" + b"0" * 18,
    b"1" + b"0" * 400,
    b"1" * 5000,
    b"1e999",
    b"0.5",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'""',
    rb'"\ud800"',
    rb'"a\u0000b"',
    rb'"a\r\nb: c"',
    rb'"\u20ac"',
    b'"../.."',
    b'"http://["',
    b'"http://127.0.0.1:99999/"',
    b'"http://127.0.0.1:1/a b"',
    b'"ftp://127.0.0.1/"',
    b'"multipart"',
    b'"put"',
    b'"post"',
    b'"sha256"',
    b'"completed"',
    b'"h.e30.s"',
    b'"h.!.s"',
    b'"0001-01-01T00:00:00+23:59"',
    b'"9999-12-31T23:59:59-23:59"',
    b'"2026-01-02T03:04:05"',
)
HEADERS: tuple[str, ...] = (
    "Date",
    "Retry-After",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Content-Disposition",
    "ETag",
    "Location",
    "Transfer-Encoding",
    "Connection",
)
HEADER_VALUES: tuple[str, ...] = (
    "",
    "0",
    "-1",
    "9" * 400,
    "\xb2",
    "nan",
    "1e9",
    "gzip",
    "chunked",
    "close",
    "application/problem+json",
    "application/problem+json; charset=x",
    "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
    "Mon, 99 Jan 2026 99:99:99 GMT",
    "Thu, 01 Jan 1 00:00:00 +9999",
    "Thu, 01 Jan 9999 00:00:00 -9999",
    "x" * 70_000,
    "attachment; filename*=UTF-8''%00%2e%2e",
    'attachment; filename="a\xff',
    "attachment; filename=" + "a" * 300,
    "attachment; filename*0*=x'y'%zz; filename*1=b",
)


Route = tuple[int, Any, Mapping[str, str]]
"""Status, body (JSON unless bytes) and headers of an answer as it should be."""

JSON = {"Content-Type": "application/json"}
AS_PROBLEM = {"Content-Type": "application/problem+json"}
HERE = "http://127.0.0.1:0"
"""Stands for the server's own URL."""

ROUTES: Mapping[str, Route] = {
    "POST /uploads": (
        201,
        CREATED | {"method": "put", "url": f"{HERE}/put?e=1", "headers": {"Content-Length": "3"}},
        JSON,
    ),
    "POST /forms/uploads": (201, CREATED | {"method": "post", "url": f"{HERE}/post", "fields": {"key": "k"}}, JSON),
    "POST /parts/uploads": (201, CREATED | {"method": "multipart"} | PLAN, JSON),
    "POST /streams/uploads": (201, CREATED | {"method": "multipart"} | STREAM_PLAN, JSON),
    "GET /uploads": (200, {"uploads": [UPLOAD], "next": None}, JSON),
    "GET /uploads/0198": (200, UPLOAD, JSON),
    "DELETE /uploads/0198": (409, PROBLEM, AS_PROBLEM),
    "GET /uploads/0198/parts": (200, LISTING, JSON),
    "POST /uploads/0198/parts": (200, SIGNED | {"url_prefix": f"{HERE}/put?n="}, JSON),
    "POST /uploads/0198/complete": (200, UPLOAD, JSON),
    "GET /uploads/0198/result": (200, {"url": f"{HERE}/result", "expires_at": TIME}, JSON),
    "PUT /put": (200, b"", S3),
    "POST /post": (204, b"", S3),
    "GET /result": (200, b"result", S3),
    "POST /": (200, SIGNED_IN, {"Content-Type": "application/x-amz-json-1.1"}),
}
PARTS = ("GET /uploads/0198/parts", "POST /uploads/0198/parts", "PUT /put", "POST /uploads/0198/complete")


@dataclass(frozen=True)
class Odd:
    """What is odd about the answer of one route. None: as it should be."""

    route: str
    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class OddServer(FakeServer):
    """Answers as it should, but for one route."""

    def __init__(self) -> None:
        super().__init__()
        self.odd = Odd("")
        self.asked: set[str] = set()

    def next_reaction(self) -> Callable[[Handler], None]:
        return self._answer

    def _answer(self, handler: Handler) -> None:
        handler.receive()
        path = urlsplit(handler.path).path
        route = f"{handler.command} {path}"
        if route not in ROUTES:  # of an API with a path
            route = f"{handler.command} /uploads{path.partition('/uploads')[2]}"
        self.asked.add(route)
        status, document, headers = ROUTES[route]
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if route == self.odd.route:
            status, body = self.odd.status or status, body if self.odd.body is None else self.odd.body
            headers = {**headers, **self.odd.headers}
        body = body.replace(HERE.encode(), self.url.encode())
        handler.send_response_only(status, "odd")
        handler.close_connection = True  # some of these lengths are wrong
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)


def places(document: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to each value in a document."""
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(document, dict):
        members = cast("dict[str, Any]", document).items()
    elif isinstance(document, list):
        members = enumerate(cast("list[Any]", document))
    return [before, *(place for name, each in members for place in places(each, (*before, name)))]


def replaced(document: Any, place: tuple[Any, ...], value: bytes) -> bytes:
    """Return the document as JSON, with another value at a place."""
    holder = content = json.loads(json.dumps({"": document}))
    for name in ("", *place)[:-1]:
        holder = holder[name]
    holder[("", *place)[-1]] = "\x00"
    return json.dumps(content[""]).encode().replace(b'"\\u0000"', value)


@st.composite
def oddities(draw: st.DrawFn, route: str) -> Odd:
    status = draw(st.none() | st.integers(200, 599) | st.sampled_from([199, 204, 304, 429, 503, 999]))
    is_problem = status is not None and status >= 400 and draw(st.booleans())
    document = PROBLEM if is_problem else ROUTES[route][1]
    if isinstance(document, bytes):
        body = draw(st.none() | st.binary() | st.just(REFUSED))
    else:
        value = (
            st.sampled_from(VALUES) | st.text().map(json.dumps).map(str.encode) | st.integers().map(str).map(str.encode)
        )
        body = draw(
            st.none() | st.binary() | st.builds(replaced, st.just(document), st.sampled_from(places(document)), value)
        )
    texts = st.sampled_from(HEADER_VALUES) | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))
    headers = draw(st.dictionaries(st.sampled_from(HEADERS), texts, max_size=2))
    return Odd(route, status, body, AS_PROBLEM | headers if is_problem else headers)


@pytest.fixture(scope="module")
def odd_server() -> Iterator[OddServer]:
    with OddServer() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "film.mp4").write_bytes(b"abc")
    return folder


def shown(value: object) -> None:
    for output in (Output(as_json=True), Output(as_json=False)):
        if isinstance(value, Upload):
            output.upload(value)
            exit_code_of_upload(value)
        elif isinstance(value, PortageError | OSError):
            output.error(value)
            exit_code_of_error(value)


Act = Callable[[Portage, Path, str], object]


def ends_well(server: OddServer, folder: Path, odd: Odd, act: Act, place: str = "") -> None:
    """Run one call of the client. Other errors than its own, and OSError for files, fail the test."""
    server.odd = odd
    (folder / "result").unlink(missing_ok=True)
    rmtree(folder / "state", ignore_errors=True)
    portage = Portage(server.url + place, "token", state_folder=folder / "state", config=ONCE)
    with closing(portage), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        try:
            value = act(portage, folder, server.url)
        except (PortageError, OSError) as error:
            value = error
        for each in cast("list[object]", value) if isinstance(value, list) else [value]:
            shown(each)


def upload(portage: Portage, folder: Path, _: str) -> object:
    return portage.upload(folder / "film.mp4")


def upload_stream(portage: Portage, _: Path, __: str) -> object:
    return portage.upload_stream(io.BytesIO(b"abcd"), "film.mp4")


def upload_short_stream(portage: Portage, _: Path, __: str) -> object:
    return portage.upload_stream(io.BytesIO(b"abc"), "film.mp4")


def resume(portage: Portage, folder: Path, _: str) -> object:
    return portage.resume(folder / "film.mp4", upload_id="0198")


def newest(portage: Portage, _: Path, __: str) -> object:
    return list(islice(portage.list(), 3))


def abort(portage: Portage, _: Path, __: str) -> object:
    return portage.abort("0198")


def download(portage: Portage, folder: Path, _: str) -> object:
    return portage.download("0198", folder / "result")


def download_by_its_name(portage: Portage, _: Path, __: str) -> object:
    return portage.download("0198")


def sign_in(_: Portage, __: Path, url: str) -> object:
    with UserPool("client-1", "eu-west-1", url, retry=ONCE.retry) as pool:
        return pool.sign_in("ada@example.com", "right").id_token()


class Call(NamedTuple):
    act: Act
    place: str
    """The path of its API, which decides how files are sent."""
    routes: tuple[str, ...]


CALLS = (
    Call(upload, "", ("POST /uploads", "PUT /put", "GET /uploads/0198")),
    Call(upload, "/forms", ("POST /forms/uploads", "POST /post")),
    Call(upload, "/parts", ("POST /parts/uploads", *PARTS)),
    Call(upload_stream, "/streams", ("POST /streams/uploads", *PARTS[1:])),
    Call(resume, "", PARTS),
    Call(newest, "", ("GET /uploads",)),
    Call(abort, "", ("DELETE /uploads/0198",)),
    Call(download, "", ("GET /uploads/0198/result", "GET /result")),
    Call(download_by_its_name, "", ("GET /result",)),
    Call(sign_in, "", ("POST /",)),
)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("call", CALLS)
def test_each_call_asks_its_routes(odd_server: OddServer, folder: Path, call: Call) -> None:
    odd_server.asked.clear()
    ends_well(odd_server, folder, Odd(""), call.act, call.place)
    assert odd_server.asked >= set(call.routes)


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=40, derandomize=True)  # the same examples in each run: others are searched for by hand
@given(data=st.data())
def test_any_answer_ends_well(odd_server: OddServer, folder: Path, call: Call, data: st.DataObject) -> None:
    odd = data.draw(st.sampled_from(call.routes).flatmap(oddities))
    ends_well(odd_server, folder, odd, call.act, call.place)


def with_value(route: str, *place: str | int, value: bytes) -> Odd:
    return Odd(route, body=replaced(ROUTES[route][1], place, value))


@pytest.mark.parametrize(
    ("act", "place", "odd"),
    [
        (upload, "/parts", Odd("POST /uploads/0198/parts", headers={"Date": "Fri, 31 Dec 99999999999 23:59:59 GMT"})),
        *(
            (act, "/streams", with_value("POST /streams/uploads", *place, value=value))
            for act in (upload_stream, upload_short_stream)
            for *place, value in (
                ("part_size_bytes", b"0"),
                ("part_size_bytes", b"1" + b"0" * 15),
                ("part_count", b"0"),
                ("part_sizes", 0, "size_bytes", b"0"),
                ("part_sizes", 0, "size_bytes", b"-1"),
                ("part_sizes", 0, "size_bytes", b"1" + b"0" * 18),
                ("max_size_bytes", b"-1"),
                ("checksum_algorithm", b'"md5"'),
            )
        ),
        (newest, "", Odd("GET /uploads", body=b"[" * 100_000)),
        (newest, "", Odd("GET /uploads", headers={"Content-Length": "9" * 400})),
        (upload, "", Odd("PUT /put", headers={"Content-Length": "9" * 400})),
        (download, "", Odd("GET /result", headers={"Content-Length": "9" * 400})),
        (download, "", Odd("GET /result", 403, headers={"Content-Length": "9" * 400})),
        (newest, "", with_value("GET /uploads", "uploads", 0, "size_bytes", value=b"1" + b"0" * 400)),
        (newest, "", with_value("GET /uploads", "uploads", 0, "created_at", value=b'"0001-01-01T00:00:00+23:59"')),
        (download, "", with_value("GET /uploads/0198/result", "url", value=b'"http://["')),
        (download, "", Odd("GET /result", 403, b"not compressed", {"Content-Encoding": "gzip"})),
        (sign_in, "", Odd("POST /", 599, b"")),
        (
            sign_in,
            "",
            with_value("POST /", "AuthenticationResult", "IdToken", value=b'"h.eyJpYXQiOjAsImV4cCI6MWU5OTl9.s"'),
        ),
    ],
)
def test_an_answer_that_once_ended_the_command_ends_well(
    odd_server: OddServer, folder: Path, act: Act, place: str, odd: Odd
) -> None:
    ends_well(odd_server, folder, odd, act, place)
