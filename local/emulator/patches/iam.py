"""Patches of IAM.

Transport: a request over loopback counts as sent by https.
AWS: `aws:SecureTransport` is true if a request came by https. The program's buckets and queues reject other requests.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
MiniStack: has the same key. Local mode serves plain http on loopback, because clients trust no certificate there.
Here: the key is true for every request. Tests therefore check the policies instead of sending plain http.

Use: the permissions of roles that were used are written down.
AWS: IAM Access Analyzer and the service last accessed information say which permissions a role has used.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
MiniStack: has neither.
Here: the file `used-permissions` in the data folder has a line `ROLE ACTION` for each permission of a role's policies
that has allowed a request.

Lambda: reading a function's reserved concurrency, or one event source mapping, has an action of its own.
AWS: `lambda:GetFunctionConcurrency`, `lambda:GetEventSourceMapping`.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
MiniStack: asks for the actions that change the concurrency, and that list all mappings.
Here: it asks for AWS's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.emulator import patching

USED_PERMISSIONS = "used-permissions"


def patch(data_dir: Path) -> None:
    """Set every request's transport to secure, and write down what roles use."""
    patching.replace("ministack.app", "pin_request_origin", _secure)
    patching.replace("ministack.core.iam_actions", "_lambda_action", _reading)
    patching.replace("ministack.core.iam_evaluator", "evaluate", _writing_to(data_dir / USED_PERMISSIONS))


def _secure(original: Callable[[str, bool], None]) -> Callable[[str, bool], None]:
    def pin(source_ip: str, _secure_transport: bool) -> None:
        original(source_ip, True)

    return pin


def _reading(original: Callable[[str, str], str | None]) -> Callable[[str, str], str | None]:
    def action(method: str, path: str) -> str | None:
        if method == "GET" and path.rstrip("/").endswith("/concurrency"):
            return "GetFunctionConcurrency"
        if method == "GET" and "/event-source-mappings/" in path and not path.endswith("/event-source-mappings/"):
            return "GetEventSourceMapping"
        return original(method, path)

    return action


def _writing_to(path: Path) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    written: set[str] = set()

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def evaluate(request: Any, *policies: Any) -> Any:
            result = original(request, *policies)
            if result.decision == "Allow" and ":assumed-role/" in request.principal_arn:
                line = f"{request.principal_arn.split('/')[1]} {request.action}\n"
                if line not in written:
                    written.add(line)
                    with path.open("a", encoding="utf-8") as file:
                        file.write(line)
            return result

        return evaluate

    return make
