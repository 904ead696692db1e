"""Runs a table of cases as one test."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, cast

import pytest

Test = Callable[..., None]


def each_case(names: str | tuple[str, ...], cases: Iterable[Sequence[object] | object]) -> Callable[[Test], Test]:
    """Like pytest.mark.parametrize, but all cases are one test, which reports each case that fails.

    Use it for tables without fixtures of their own: pytest sets up fixtures once for all cases.
    """
    parameters = [names] if isinstance(names, str) else list(names)
    rows = list(cases)

    def decorate(test: Test) -> Test:
        @wraps(test)
        def run_all(*arguments: Any, **fixtures: Any) -> None:
            failures: list[BaseException] = []
            for row in rows:
                values = [row] if isinstance(names, str) else list(cast("Iterable[object]", row))
                try:
                    test(*arguments, **fixtures, **dict(zip(parameters, values, strict=True)))
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - reported below, with all others
                    error.add_note(f"Case: {row!r}")
                    failures.append(error)
            if failures or not rows:
                raise BaseExceptionGroup(f"{len(failures)} of {len(rows)} cases failed", failures)

        signature = inspect.signature(test)
        left = [parameter for parameter in signature.parameters.values() if parameter.name not in parameters]
        cast("Any", run_all).__signature__ = signature.replace(parameters=left)
        return run_all

    return decorate
