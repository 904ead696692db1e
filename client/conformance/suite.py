"""All cases, and how they are run and cleaned up."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ApiProblem, NotFinished, PortageError, TransportFault, WrongUsage, reason
from ..portage import follow
from .cases import access, browsers, contract, processing, sending, tampering
from .context import Context, Person
from .verdict import Outcome, Skipped, Verdict

_END_SECONDS = 60.0
"""How long cleaning up waits for uploads that are still being processed."""


@dataclass(frozen=True)
class Case:
    """One case: a function, which names and describes it."""

    run: Callable[[Context], None]

    @property
    def name(self) -> str:
        """The name, for `--only`."""
        return self.run.__name__.replace("_", "-")

    @property
    def group(self) -> str:
        """The subject, for `--only` as well."""
        return self.run.__module__.rpartition(".")[2]

    @property
    def summary(self) -> str:
        """What holds if the case passes."""
        return (self.run.__doc__ or "").partition("\n")[0]


SUITE = tuple(
    map(
        Case,
        (
            sending.put_is_completed,
            sending.form_is_completed,
            sending.parts_are_completed,
            sending.interrupted_parts_are_resumed,
            sending.unknown_size_is_completed,
            sending.status_and_list_agree,
            tampering.other_key_is_refused,
            tampering.longer_life_is_refused,
            tampering.other_signature_is_refused,
            tampering.other_method_is_refused,
            tampering.other_length_is_refused,
            tampering.other_type_is_refused,
            tampering.missing_signed_header_is_refused,
            tampering.added_header_is_refused,
            tampering.other_checksum_is_refused,
            tampering.second_put_is_refused,
            tampering.changed_form_is_refused,
            tampering.other_part_is_refused,
            access.missing_token_is_refused,
            access.forged_token_is_refused,
            access.unsigned_read_is_refused,
            access.other_owner_is_refused,
            browsers.api_preflight_allows_origins,
            browsers.api_answers_allow_origins,
            browsers.bucket_allows_origins,
            browsers.other_origins_are_not_allowed,
            processing.other_type_is_rejected,
            processing.malware_is_rejected,
            processing.repeated_event_changes_nothing,
            contract.repeated_request_is_one_upload,
            contract.too_large_file_is_refused,
            contract.aborted_upload_takes_no_parts,
            contract.missing_parts_are_noticed,
            contract.foreign_session_is_refused,
            contract.errors_are_problems,
        ),
    )
)


def chosen(names: Sequence[str]) -> tuple[Case, ...]:
    """Return the cases with these names or groups, in the order of the suite; all without names.

    Raises WrongUsage for a name that is none.
    """
    known = {case.name for case in SUITE} | {case.group for case in SUITE}
    if unknown := [name for name in names if name not in known]:
        raise WrongUsage(f"no case or group has the name {', '.join(unknown)}: verify --list shows all")
    return tuple(each for each in SUITE if not names or each.name in names or each.group in names)


def run(case: Case, context: Context) -> Verdict:
    """Run a case within its time limit."""
    began = time.monotonic()
    outcome, why, is_network_error = Outcome.PASSED, "", False
    context.start_case()
    try:
        case.run(context)
    except Skipped as skipped:
        outcome, why = Outcome.SKIPPED, str(skipped)
    except (PortageError, OSError) as error:
        outcome, why, is_network_error = Outcome.FAILED, reason(error), isinstance(error, TransportFault)
    except (LookupError, TypeError, ValueError) as error:  # a form without a key, a plan of parts of another size
        outcome, why = Outcome.FAILED, f"the stack answered what the case has no use for: {error!r}"
    return Verdict(case.group, case.name, outcome, time.monotonic() - began, why, is_network_error)


@dataclass
class Remains:
    """What a run has left on the stack, by the uploads' IDs."""

    records: list[str]
    """In the lists of their users, until the stack's retention time of records is over."""
    objects: list[str]
    """In S3, until the stack's retention times of objects and results are over."""
    problems: list[str]
    """Why something could not be cleaned up."""


def clean_up(context: Context) -> Remains:
    """Abort the uploads that wait for bytes. An operator also deletes the objects of uploads, when these have ended."""
    for person in context.people:
        for unfinished in person.portage.unfinished():  # the client has begun it, and was interrupted
            context.begun.setdefault(unfinished.upload_id, person)
    remains = Remains(list(context.begun), [], [])
    deadline = time.monotonic() + _END_SECONDS
    for upload_id, person in context.begun.items():
        try:
            if upload_id not in context.stored:
                _abort(person, upload_id)
            if context.operator is not None:
                deque(follow(person.api.get, upload_id, max(0, deadline - time.monotonic())), maxlen=0)
                context.operator.delete(person.owner, upload_id)
                continue
        except NotFinished:
            remains.problems.append(f"upload {upload_id} has not ended, so its objects were not deleted")
        except (PortageError, OSError) as error:
            remains.problems.append(f"upload {upload_id}: {reason(error)}")
        if upload_id in context.stored:
            remains.objects.append(upload_id)
    return remains


def _abort(person: Person, upload_id: str) -> None:
    try:
        person.api.abort(upload_id)
    except ApiProblem as problem:
        if not problem.is_over:
            raise
