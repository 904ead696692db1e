"""What somebody has changed since the last update: declared inputs that keep uploads safe, beside what AWS answers.

`pulumi refresh --preview-only` compares everything, but needs the state's backend, its lock and its secrets. This needs
an exported state and permission to read.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .account import Account, Gone, NotRead
from .compared import CHECKS, Check, Field
from .findings import Finding, Severity
from .resources import Resource, Stack, value_at

SECTION = "drift"

_FIX = "`pulumi up --refresh` restores what the program declares"


def check(stack: Stack, account: Account) -> Iterator[Finding]:
    """Yield what differs, what is gone, and what could not be read; then how much is as declared."""
    if stack.is_planned or not (stack.changes or stack.elsewhere):
        yield Finding(
            SECTION, Severity.NOT_CHECKED, "declared inputs", "give the file of `pulumi stack export > state.json`"
        )
        return
    compared, hidden, unread = 0, 0, Counter[str]()
    for resource in stack.resources:
        for each in CHECKS.get(resource.type, ()):
            try:
                answer = _answer(account, each, resource)
            except NotRead as error:
                unread[str(error)] += 1
            except Gone as error:
                yield Finding(SECTION, Severity.ERROR, _title(resource), f"is gone ({error})", fix=_FIX)
                break
            else:
                fields = [field for field in each.fields if not _is_hidden(resource, field)]
                hidden += len(each.fields) - len(fields)
                found = [(field, _difference(resource, field, answer)) for field in fields]
                compared += sum(difference is not None for _, difference in found)
                yield from (_differs(resource, field, difference) for field, difference in found if difference)
    yield from _not_compared(stack, account, unread, hidden)
    yield Finding(SECTION, Severity.OK, "inputs compared", str(compared))


def _answer(account: Account, each: Check, resource: Resource) -> Any:
    """Return AWS's answer. Raises NotRead, or Gone, also if a list has other resources or none."""
    answer = account.read(each.service, each.operation, absent=each.absent, **each.request(resource))
    if each.name and value_at(answer, each.name) != resource.id:
        raise Gone(f"{each.operation} does not have {resource.id}", "")
    return answer


def _is_hidden(resource: Resource, field: Field) -> bool:
    return resource.hides(field.input) or (resource.hides_within(field.input) and not field.is_by_name)


def _differs(resource: Resource, field: Field, difference: str) -> Finding:
    return Finding(SECTION, Severity.ERROR, f"{_title(resource)} {field.input}", difference, fix=_FIX)


def _not_compared(stack: Stack, account: Account, unread: Mapping[str, int], hidden: int) -> Iterator[Finding]:
    for why, times in unread.items():
        yield Finding(SECTION, Severity.NOT_CHECKED, f"{times} resources", why)
    if hidden:
        yield Finding(SECTION, Severity.NOT_CHECKED, f"{hidden} inputs", "are secret, so the state has them encrypted")
    for region, count in stack.elsewhere.items():
        why = f"are in {region}, not in {account.region}: give --region {region}"
        yield Finding(SECTION, Severity.NOT_CHECKED, f"{count} resources", why)


def _title(resource: Resource) -> str:
    return f"{resource.type.rpartition(':')[2]} {resource.name}"


def _difference(resource: Resource, field: Field, answer: Any) -> str | None:
    """Return how declared and real value differ: empty if they do not, None if they were not compared."""
    declared, real = resource.get(field.input), field.answered(value_at(answer, field.answer))
    if declared is None and field.default is None:
        return None
    declared, real = (field.default if each is None else each for each in (declared, real))
    if declared == real:
        return ""
    if real is None:
        return f"declared {_short(declared)}, but AWS has none"
    declared, real = field.convert(declared), field.convert(real)
    return "" if declared == real else f"declared {_short(declared)}, but AWS has {_short(real)}"


def _short(value: Any) -> str:
    """Return a value for the report. Of a policy only the names of its statements, which say what is missing."""
    if isinstance(value, Mapping) and "Statement" in value:
        statements = cast("Mapping[str, Any]", value)["Statement"]
        listed = cast("list[Any]", statements if isinstance(statements, list) else [statements])
        return f"{len(listed)} statements ({', '.join(sorted(_statement_name(each) for each in listed))})"
    return json.dumps(value) if not isinstance(value, str) else value or "nothing"


def _statement_name(statement: Any) -> str:
    known = cast("Mapping[str, Any]", statement)
    return str(known.get("Sid") or known.get("Action"))
