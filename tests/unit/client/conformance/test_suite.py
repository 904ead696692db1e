"""The run of a case, what is skipped, and cleaning up."""

from typing import Any
from unittest.mock import Mock

import pytest

from client import Progress
from client.conformance.cases import browsers, contract, processing, sending, tampering
from client.conformance.sample import TWO_PARTS_BYTES, Sample
from client.conformance.stack import UploadRules
from client.conformance.suite import SUITE, Case, clean_up, run
from client.conformance.verdict import Failed, Outcome
from tests.support.client.fake_server import answer
from tests.support.client.fake_stack import FakeStack
from tests.support.client.stack_context import FakeOperator, Open


@pytest.mark.parametrize(
    ("case", "rules", "reason"),
    [
        (sending.form_is_completed, {"allow_forms": False}, "allowForms"),
        (tampering.changed_form_is_refused, {"allow_forms": False}, "allowForms"),
        (sending.parts_are_completed, {"max_upload_bytes": 1000}, "maxUploadBytes"),
        (tampering.other_part_is_refused, {"max_upload_bytes": 1000}, "maxUploadBytes"),
        (contract.too_large_file_is_refused, {"max_upload_bytes": 10_000 * 5 * 1024**3}, "maxUploadBytes"),
        (browsers.api_preflight_allows_origins, {"allowed_origins": ()}, "allowedOrigins"),
        (browsers.api_preflight_allows_origins, {"allowed_origins": None}, "--origin"),
        (browsers.other_origins_are_not_allowed, {"allowed_origins": ("*",)}, "all origins"),
        (processing.malware_is_rejected, {"malware_scan": None}, "malwareScan"),
        (processing.malware_is_rejected, {"allowed_content_types": ("image/png",)}, "text/plain"),
        (processing.other_type_is_rejected, {"allowed_content_types": ("text/*",)}, "first bytes"),
    ],
)
def test_what_the_stack_rules_out_is_skipped_with_the_reason(
    open_context: Open, case: Any, rules: dict[str, object], reason: str
) -> None:
    verdict = run(Case(case), open_context(**rules))
    assert verdict.outcome is Outcome.SKIPPED
    assert reason in verdict.reason


def test_every_case_passes_with_a_sample_of_several_parts(stack: FakeStack, open_context: Open) -> None:
    context = open_context()
    context.sample = context.sample._replace(content=context.sample.content + bytes(2 * stack.part_size_bytes))
    verdicts = [run(case, context) for case in SUITE]
    assert [each.reason for each in verdicts if each.outcome is Outcome.FAILED] == []


def test_without_an_operator_a_repeated_event_is_skipped(open_context: Open) -> None:
    context = open_context()
    context.operator = None
    assert run(Case(processing.repeated_event_changes_nothing), context).outcome is Outcome.SKIPPED


def test_origins_that_are_given_take_the_place_of_the_stacks(open_context: Open) -> None:
    verdict = run(Case(browsers.api_answers_allow_origins), open_context(origins=("https://other.example",)))
    assert verdict.outcome is Outcome.FAILED
    assert "https://other.example" in verdict.reason


def test_a_case_ends_at_its_time_limit(stack: FakeStack, open_context: Open) -> None:
    context = open_context()
    context.case_seconds = 0.3
    stack.stays = "processing"
    verdict = run(Case(sending.put_is_completed), context)
    assert verdict.outcome is Outcome.FAILED
    assert "0.3 s" in verdict.reason
    context.case_seconds = 0
    assert run(Case(contract.errors_are_problems), context).outcome is Outcome.FAILED


def test_a_stack_that_does_not_answer_fails_the_case(stack: FakeStack, open_context: Open, pauses: list[float]) -> None:
    context = open_context()
    stack.will(*[answer(503)] * 4)
    verdict = run(Case(contract.too_large_file_is_refused), context)
    assert verdict.outcome is Outcome.FAILED
    assert "503" in verdict.reason
    assert len(pauses) == 3


def test_an_answer_that_no_case_foresees_fails_the_case_and_does_not_end_the_run(
    stack: FakeStack, open_context: Open
) -> None:
    stack.part_size_bytes = 64 * 1024**2
    verdict = run(Case(tampering.other_part_is_refused), open_context())
    assert verdict.outcome is Outcome.FAILED
    assert "ValueError" in verdict.reason


def test_an_operator_deletes_the_objects_of_all_uploads(stack: FakeStack, open_context: Open) -> None:
    context = open_context()
    for case in (sending.put_is_completed, contract.missing_parts_are_noticed):
        assert run(Case(case), context).outcome is Outcome.PASSED
    remains = clean_up(context)
    assert isinstance(context.operator, FakeOperator)
    assert context.operator.deleted == remains.records == list(stack.uploads)
    assert (remains.objects, remains.problems) == ([], [])
    assert [each.status for each in stack.uploads.values()] == ["completed", "aborted"]


def test_without_an_operator_objects_stay_and_are_named(stack: FakeStack, open_context: Open) -> None:
    context = open_context()
    context.operator = None
    for case in (sending.put_is_completed, contract.missing_parts_are_noticed):
        run(Case(case), context)
    remains = clean_up(context)
    assert remains.records == list(stack.uploads)
    assert remains.objects == remains.records[:1]
    assert stack.calls.count("DELETE") == 1, "the event of what has its bytes may be on its way"


def test_what_cannot_be_cleaned_up_is_said_and_the_rest_is_cleaned_up(
    stack: FakeStack, open_context: Open, pauses: list[float]
) -> None:
    context = open_context()
    first, second = context_uploads(context, 2)
    stack.will(*[answer(503)] * 4)
    remains = clean_up(context)
    assert [problem.split()[1] for problem in remains.problems] == [f"{first}:"]
    assert stack.uploads[second].status == "aborted"
    assert pauses


def test_what_the_client_has_begun_when_it_was_interrupted_is_aborted(stack: FakeStack, open_context: Open) -> None:
    context = open_context()

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        context.person.portage.upload(context.write(context.sample), on_progress=interrupt, method="multipart")
    assert clean_up(context).records == list(stack.uploads)
    assert stack.only.status == "aborted"


def context_uploads(context: Any, count: int) -> list[str]:
    context.start_case()
    return [context.declare().upload_id for _ in range(count)]


def test_objects_of_an_upload_that_does_not_end_are_not_deleted(
    stack: FakeStack, open_context: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.conformance.suite._END_SECONDS", 0.1)
    monkeypatch.setattr("client.conformance.context.follow", Mock(side_effect=Failed("it does not end")))
    context = open_context()
    stack.stays = "processing"
    run(Case(sending.put_is_completed), context)
    remains = clean_up(context)
    assert isinstance(context.operator, FakeOperator)
    assert context.operator.deleted == []
    assert remains.objects == remains.records
    assert len(remains.problems) == 1


class TestSample:
    @pytest.mark.parametrize(
        ("types", "expected"),
        [
            ((), "text/plain"),
            (None, "text/plain"),
            (("image/*",), "image/png"),
            (("application/pdf", "image/png"), "image/png"),
        ],
    )
    def test_is_of_a_type_that_the_stack_accepts(self, types: tuple[str, ...] | None, expected: str) -> None:
        sample = Sample.for_stack(UploadRules(allowed_content_types=types))
        assert sample.content_type == expected
        assert not sample.is_own

    def test_of_two_runs_is_never_the_same(self) -> None:
        rules = UploadRules()
        assert Sample.for_stack(rules).content != Sample.for_stack(rules).content

    def test_of_two_parts_begins_with_the_small_one_and_keeps_a_large_one(self) -> None:
        small = Sample(b"begin\n", "text/plain", "a.txt")
        large = small.of_two_parts()
        assert large.content.startswith(small.content)
        assert len(large.content) == TWO_PARTS_BYTES
        larger = small._replace(content=bytes(TWO_PARTS_BYTES + 1))
        assert larger.of_two_parts() == larger
