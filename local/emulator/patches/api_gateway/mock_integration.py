"""MOCK integrations evaluate their templates.

AWS: the request template's `statusCode` chooses the integration response, whose template and parameters are
evaluated like any other's; a request template without a statusCode is a configuration error.
MiniStack: the response's template is sent as it stands.
Here: rendered, with `$context.responseOverride`.
"""

import re
from collections.abc import Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call, mapping

# API Gateway takes `{ statusCode: 200 }` too, as the CDK writes it.
_STATUS_CODE = re.compile(r"[\"']?statusCode[\"']?\s*:\s*[\"']?(\d{3})\b")


def patch() -> None:
    """Answer MOCK integrations here."""
    patching.replace(gateway_call.MODULE, "_invoke_mock_v1", _evaluated)


def _evaluated(_original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(integration: dict[str, Any]) -> gateway_call.Answer:
        source = gateway_call.current().source
        try:
            status = _STATUS_CODE.search(mapping.map_request(integration, source).body)
            if status is None:
                raise mapping.refuse("the request template of a MOCK integration must render a statusCode")
            return mapping.map_response(integration, source, int(status[1]), {}, "")
        except mapping.Refused as refused:
            return refused.answer

    return invoke
