"""Cold starts and warm calls of the two hot functions, under Lambda's own runtime client.

Each start is a process with the function's deployed code. The stub of AWS answers immediately, so the figures are those
of Python and our code.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.aws_stub import MULTIPART_ID, AwsStub
from benchmarks.bench import MEBIBYTE, Bench
from benchmarks.deployed_code import Function, make_runtime, peer_function, unpack_function
from benchmarks.measuring import interleaved, measurements
from benchmarks.runtime_api import LambdaProcess, Response
from benchmarks.signing import CREDENTIALS
from benchmarks.table import Goal, Row, at_most
from components.compute.amazon_roots import AMAZON_ROOTS_PEM
from components.compute.code_archive import HANDLERS
from handlers.domain.session import Session
from handlers.storage.session_keys import SigningKey

_KEY = SigningKey("benchmark", b"k" * 32)
_OWNER = "6c1f1b0e-7d3c-4c39-9a43-0d5a3b0f9e11"
_UPLOAD_ID = "01985c2e-5a00-7000-8000-000000000001"
_MOST_PARTS = 10_000
_FAR_FUTURE = 2**33
_GOOD = (200, 201)


@dataclass(frozen=True)
class Timing:
    """Times of one process of a function."""

    first_seconds: float
    """From the start of the process to its first response."""
    warm_seconds: float
    """From an event to its response, after the start."""


@dataclass(frozen=True)
class Case:
    """A function, and the event that it is measured with."""

    function: Function
    event: Mapping[str, Any]


def measure(bench: Bench) -> list[Row]:
    """Compare starts and calls with those of other implementations."""
    runtime = make_runtime(bench.folder / "runtime")
    create = _event({"file_name": "report.pdf", "content_type": "application/pdf", "size_bytes": MEBIBYTE})
    empty = Case(peer_function("empty", bench.folder / "empty"), {})
    cases = {
        "sign_parts": Case(_ours("sign-parts", bench), _parts_event(100)),
        "create_upload": Case(_ours("create-upload", bench), create),
        "boto3": Case(_with_boto3(bench), create),
    }
    secret = _KEY.to_secret()
    with AwsStub(secret, bench.certificate.server) as by_https, AwsStub(secret) as by_http:
        aws = {"https": _environment(by_https.url), "http": _environment(by_http.url)}

        def started(case: Case, scheme: str) -> LambdaProcess:
            variables = {**aws[scheme], **case.function.environment}
            return LambdaProcess(case.function.code, runtime, case.function.handler, variables)

        def timing(case: Case, scheme: str) -> Callable[[], Timing]:
            return lambda: _timing(started(case, scheme), case.event, bench.amounts.calls)

        measures = {"empty": timing(empty, "http")}
        measures |= {f"{name} {scheme}": timing(case, scheme) for name, case in cases.items() for scheme in aws}
        bench.expect(measurements(measures, rounds=bench.amounts.start_rounds) + 1)
        taken = interleaved(measures, rounds=bench.amounts.start_rounds, tick=bench.tick)
        with started(cases["sign_parts"], "http") as process:
            rows = _many_parts(process, bench.amounts.calls)
        bench.tick()
    return rows + _compared(taken, aws)


def _ours(operation: str, bench: Bench) -> Function:
    """Unpack a function, and add the authority of the local server to the root certificates that it trusts."""
    function = unpack_function(operation, bench.folder / operation)
    with (function.code / AMAZON_ROOTS_PEM.relative_to(HANDLERS.parent)).open("ab") as roots:
        roots.write(bench.certificate.authority)
    return function


def _with_boto3(bench: Bench) -> Function:
    function = peer_function("with_boto3", bench.folder / "with_boto3")
    return replace(function, environment={**function.environment, "AWS_CA_BUNDLE": str(bench.certificate.bundle)})


def _compared(taken: Mapping[str, Sequence[Timing]], schemes: Iterable[str]) -> list[Row]:
    first = {name: [each.first_seconds for each in timings] for name, timings in taken.items()}
    warm = {name: [each.warm_seconds for each in timings] for name, timings in taken.items()}

    def starts(name: str, peer: str, peer_name: str, goal: Goal) -> list[Row]:
        return [
            Row.compared(
                f"{name}, start to first response, AWS by {scheme}",
                first[f"{name} {scheme}"],
                first[peer.format(scheme=scheme)],
                peer_name=peer_name,
                show=_milliseconds,
                goal=goal,
            )
            for scheme in schemes
        ]

    fair = "boto3 at module level"
    ours, theirs = warm["create_upload https"], warm["boto3 https"]
    return [
        *starts("sign_parts", "empty", "empty handler", at_most(1.8)),
        *starts("create_upload", "boto3 {scheme}", fair, at_most(0.35)),
        Row.compared(
            "sign_parts, 100 parts, warm",
            warm["sign_parts https"],
            warm["empty"],
            peer_name="empty handler",
            show=_milliseconds,
        ),
        Row.compared("create_upload, warm", ours, theirs, peer_name=fair, show=_milliseconds),
    ]


def _timing(process: LambdaProcess, event: Mapping[str, Any], calls: int) -> Timing:
    with process:
        first = _good(process.invoke(event)).at - process.started_at
        return Timing(first, statistics.median(_call_seconds(process, event) for _ in range(calls)))


def _call_seconds(process: LambdaProcess, event: Mapping[str, Any]) -> float:
    begun = time.perf_counter()
    return _good(process.invoke(event)).at - begun


def _many_parts(process: LambdaProcess, calls: int) -> list[Row]:
    event = _parts_event(_MOST_PARTS)
    size = len(_good(process.invoke(event)).body["body"])
    taken_ms = statistics.median(_call_seconds(process, event) for _ in range(calls)) * 1e3
    body_mb = size / 1e6
    return [
        Row("10,000 part signatures, one answer", f"{taken_ms:.0f} ms", goal=at_most(50, " ms"), amount=taken_ms),
        Row("its body", f"{body_mb:.2f} MB", goal=at_most(0.8, " MB"), amount=body_mb),
    ]


def _good(response: Response) -> Response:
    if response.body["statusCode"] not in _GOOD:
        raise AssertionError(f"The function failed: {response.body}.")
    return response


def _environment(aws_url: str) -> dict[str, str]:
    services = ("DYNAMODB", "S3", "SECRETS_MANAGER")
    return {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": CREDENTIALS.access_key_id,
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret_access_key,
        "AWS_SESSION_TOKEN": str(CREDENTIALS.session_token),
        **{f"AWS_ENDPOINT_URL_{service}": aws_url for service in services},
    }


def _parts_event(last_part: int) -> dict[str, Any]:
    part_size_bytes = 16 * MEBIBYTE
    session = Session(
        owner=_OWNER,
        upload_id=_UPLOAD_ID,
        multipart_id=MULTIPART_ID,
        size_bytes=_MOST_PARTS * part_size_bytes,
        part_size_bytes=part_size_bytes,
        checksum_algorithm=None,
        expires_at=_FAR_FUTURE,
    )
    token = session.token(_KEY.key_id, _KEY.key)
    return _event({"session": token, "first_part": 1, "last_part": last_part})


def _event(body: object) -> dict[str, Any]:
    """Shape a REST API's proxy event, as far as handlers read it (API Gateway guide)."""
    return {
        "pathParameters": {"upload_id": _UPLOAD_ID},
        "headers": {"Origin": "http://localhost:8000"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"authorizer": {"claims": {"sub": _OWNER}}, "requestId": "c6af9ac6-7b61-11e6-9a41"},
    }


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"
