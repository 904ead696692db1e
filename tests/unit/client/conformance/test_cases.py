"""Each case passes on a stack that does what it requires, and fails on one that does not."""

from collections.abc import Mapping

import pytest

from client.conformance.suite import SUITE, run
from client.conformance.verdict import Outcome
from tests.support.client.contract_check import assert_kept_the_contract
from tests.support.client.fake_stack import FakeStack
from tests.support.client.stack_context import Open

CASES = {case.name: case for case in SUITE}

BREAKS: Mapping[str, tuple[str, ...]] = {
    "put-is-completed": ("put", "result", "result format", "order", "versions"),
    "form-is-completed": ("post",),
    "parts-are-completed": ("multipart",),
    "interrupted-parts-are-resumed": ("listing",),
    "unknown-size-is-completed": ("late size", "length", "multipart"),
    "status-and-list-agree": ("list",),
    "other-key-is-refused": ("key",),
    "longer-life-is-refused": ("life",),
    "other-signature-is-refused": ("signature",),
    "other-method-is-refused": ("method",),
    "other-length-is-refused": ("length", "more bytes", "open"),
    "other-type-is-refused": ("type",),
    "missing-signed-header-is-refused": ("presence",),
    "added-header-is-refused": ("added",),
    "other-checksum-is-refused": ("checksum",),
    "second-put-is-refused": ("once", "presence"),
    "changed-form-is-refused": ("form fields",),
    "other-part-is-refused": ("part",),
    "missing-token-is-refused": ("token", "problems"),
    "forged-token-is-refused": ("forgery", "unsigned tokens"),
    "unsigned-read-is-refused": ("privacy",),
    "other-owner-is-refused": ("isolation", "own uploads"),
    "api-preflight-allows-origins": ("api preflight", "api methods", "api headers"),
    "api-answers-allow-origins": ("api origins",),
    "bucket-allows-origins": ("bucket preflight", "bucket origins", "etag"),
    "other-origins-are-not-allowed": ("other origins",),
    "other-type-is-rejected": ("sniffing", "results", "quarantine"),
    "malware-is-rejected": ("scan", "quarantine"),
    "repeated-event-changes-nothing": ("repeated",),
    "repeated-request-is-one-upload": ("keys",),
    "too-large-file-is-refused": ("quota",),
    "aborted-upload-takes-no-parts": ("abort",),
    "missing-parts-are-noticed": ("completion",),
    "foreign-session-is-refused": ("session",),
    "errors-are-problems": ("problems", "documents", "details", "caching"),
}
"""What a stack does not do, so that the case must fail: the names are FakeStack's."""


@pytest.mark.parametrize("name", CASES)
def test_a_case_passes_on_a_stack_that_does_what_it_requires(stack: FakeStack, open_context: Open, name: str) -> None:
    verdict = run(CASES[name], open_context())
    assert verdict.outcome is Outcome.PASSED, verdict
    if verdict.group == "sending":  # others send what the contract does not allow
        assert_kept_the_contract(stack)


@pytest.mark.parametrize(("name", "broken"), [(name, each) for name, breaks in BREAKS.items() for each in breaks])
def test_a_case_fails_on_a_stack_that_does_not(stack: FakeStack, open_context: Open, name: str, broken: str) -> None:
    stack.broken = {broken}
    verdict = run(CASES[name], open_context())
    assert verdict.outcome is Outcome.FAILED, verdict
    assert verdict.reason


def test_each_case_has_a_change_that_it_notices() -> None:
    assert list(BREAKS) == list(CASES)
