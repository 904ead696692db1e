"""Makes the Lambda entry of an operation: reads its requests, writes its responses, and logs each request."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from handlers.aws.environment import read_environment
from handlers.aws.metric_log import write_record
from handlers.http.request import ApiRequest
from handlers.http.response import PROBLEMS, ProxyResponse, Response, problem_response

_PROBLEM_ERRORS = tuple(PROBLEMS)


class OriginsEnvironment(NamedTuple):
    """Set by the UploadApi component."""

    allowed_origins: tuple[str, ...]
    """Origins of web pages that may read responses."""


Handle = Callable[[dict[str, Any], object], ProxyResponse]
"""What Lambda calls, with event and context."""


def api_operation(name: str) -> Callable[[Callable[[ApiRequest], Response]], Handle]:
    """Make the Lambda entry of an operation, named by its operationId, from a function that handles its requests.

    The entry returns the problem details of each of the PROBLEMS, and writes one record of every request. Any other
    error goes to Lambda, which logs it, and API Gateway returns 500.
    """

    def entry_of(respond: Callable[[ApiRequest], Response]) -> Handle:
        @cache
        def allowed_origins() -> tuple[str, ...]:
            return read_environment(OriginsEnvironment).allowed_origins

        def handle(event: dict[str, Any], context: object) -> ProxyResponse:  # noqa: ARG001 - Lambda's signature
            began_at = time.perf_counter()
            request, origins = ApiRequest.from_event(event), allowed_origins()
            status = 500
            try:
                try:
                    response = respond(request)
                except _PROBLEM_ERRORS as error:
                    response = problem_response(error, request.request_id)
                    request.log_fields["problem"] = PROBLEMS[type(error)].kind
                answer = response.to_proxy(request.origin, origins)
                status = response.status
            except Exception as error:
                request.log_fields["error"] = type(error).__name__
                raise
            finally:
                write_record(
                    name, status=status, began_at=began_at, request_id=request.request_id, **request.log_fields
                )
            return answer

        return handle

    return entry_of
