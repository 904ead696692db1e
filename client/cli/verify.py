"""`portage verify`: runs the conformance suite, shows each case, and cleans up."""

import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from rich.console import Console

from ..api.uploads import Token
from ..auth.cognito import UserPool
from ..conformance.context import Context, Person
from ..conformance.operator import Operator, Resources
from ..conformance.sample import Sample
from ..conformance.stack import Stack
from ..conformance.suite import SUITE, Case, Remains, chosen, clean_up, run
from ..conformance.verdict import Outcome, Skipped, Verdict, write_junit
from .arguments import Options
from .config import Config
from .exit_codes import ExitCode
from .output import Output


def list_cases(options: Options, output: Output) -> ExitCode:
    """Show the cases with what holds if they pass."""
    for case in chosen(options.only):
        fields = {"group": case.group, "case": case.name, "summary": case.summary}
        output.fact(f"{case.group:<{_GROUP}}  {case.name:<{_CASE}}  {case.summary}", fields)
    return ExitCode.DONE


def check_stack(
    config: Config, pool: UserPool, tokens: tuple[Token, Token | None], options: Options, output: Output
) -> ExitCode:
    """Run the cases on the stack, and clean up, also after an interruption.

    The tokens are those of the signed-in user and, if there is one, another user.
    """
    cases = chosen(options.only)
    stack = Stack(config.api_url, config.upload_rules, tuple(options.origins) if options.origins else None)
    sample = Sample.at(options.sample) if options.sample is not None else Sample.for_stack(stack.rules)
    verdicts: list[Verdict] = []
    if options.junit is not None:
        write_junit(options.junit, verdicts, stack.api_url)  # a path that cannot be written is an error at once
    began = time.monotonic()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="portage-verify-")))
        operator = Operator(_resources(config)) if options.operator else None
        if operator is not None:
            operator.check()

        def make_stranger() -> Person:
            other = tokens[1]
            if other is None and operator is not None:
                other = held.enter_context(operator.temporary_user(pool))
            if other is None:
                raise Skipped("needs a second user (--other-email, or --operator)")
            return held.enter_context(closing(Person(stack, other, folder / "other")))

        person = held.enter_context(closing(Person(stack, tokens[0], folder / "own")))
        context = Context(stack, person, folder, sample, make_stranger, operator, options.timeout)
        held.callback(context.requests.close)
        try:
            for case in cases:
                with _shown(case, output):
                    verdict = run(case, context)
                verdicts.append(verdict)
                _write(verdict, output)
        except KeyboardInterrupt:
            output.note("cleaning up; interrupt again to leave what is open")
            raise
        finally:
            remains = clean_up(context)
            _summarize(verdicts, remains, time.monotonic() - began, sample.file_name, output)
            if options.junit is not None:
                write_junit(options.junit, verdicts, stack.api_url)
    failed = [verdict for verdict in verdicts if verdict.outcome is Outcome.FAILED]
    if failed and all(verdict.is_network_error for verdict in failed):
        output.note("the cases failed only because of network errors, which say nothing about the stack: run it again")
        return ExitCode.TRY_AGAIN
    return ExitCode.CASE_FAILED if failed else ExitCode.DONE


_GROUP = max(len(case.group) for case in SUITE)
_CASE = max(len(case.name) for case in SUITE)


def _resources(config: Config) -> Resources:
    return Resources(
        region=config.region,
        user_pool_id=config.user_pool_id,
        ingest_bucket=config.ingest_bucket,
        results_bucket=config.results_bucket,
        queue_url=config.queue_url,
        quarantine_bucket=config.quarantine_bucket,
    )


@contextmanager
def _shown(case: Case, output: Output) -> Generator[None]:
    """Show on a terminal which case is running."""
    if output.as_json or sys.stderr is None or not sys.stderr.isatty():  # pyright: ignore[reportUnnecessaryComparison] - it was closed before Python started
        yield
        return
    with Console(stderr=True).status(case.name):
        yield


def _write(verdict: Verdict, output: Output) -> None:
    seconds = round(verdict.seconds, 2)
    fields = {"group": verdict.group, "case": verdict.case, "outcome": verdict.outcome, "seconds": seconds}
    line = f"{verdict.outcome:<7}  {seconds:>6.2f} s  {verdict.group:<{_GROUP}}  {verdict.case}"
    if verdict.reason:
        fields["reason"] = verdict.reason
        line += f": {verdict.reason}"
    output.fact(line, fields)


def _summarize(verdicts: Sequence[Verdict], remains: Remains, seconds: float, name: str, output: Output) -> None:
    outcomes = [verdict.outcome for verdict in verdicts]
    counts = {str(outcome): outcomes.count(outcome) for outcome in Outcome}
    fields = {"cases": len(verdicts), **counts, "seconds": round(seconds, 1)}
    counted = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    left = {"remaining_records": remains.records, "remaining_objects": remains.objects, "problems": remains.problems}
    output.summary(f"{len(verdicts)} cases in {seconds:.0f} s: {counted}", {**fields, **left})
    if output.as_json:
        return
    for problem in remains.problems:
        output.note(f"not cleaned up: {problem}")
    if remains.records:
        output.note(
            f"uploads named {name} that stay in the list until their retention time is over (recordRetentionDays): "
            f"{len(remains.records)}"
        )
    if remains.objects:
        deletes = "" if remains.problems else ". With --operator they are deleted"
        output.note(f"objects of these that stay in S3: {len(remains.objects)}{deletes}")
