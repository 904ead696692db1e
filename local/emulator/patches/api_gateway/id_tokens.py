"""A method without OAuth scopes takes ID tokens alone.

AWS: a user pool authorizer reads the token as an ID token unless the method names scopes; an access token gets 401.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-enable-cognito-user-pool.html
MiniStack: takes access tokens too.
Here: the same refusal as for a token that is not good.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from local.emulator import patching
from local.emulator.patches.api_gateway import gateway_call


def patch() -> None:
    """Look at what a good token is for."""
    patching.replace(gateway_call.MODULE, "_validate_cognito_authorizer", _id_token_alone)


def _id_token_alone(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def validate(authorizer: Any, method: dict[str, Any], *arguments: Any) -> Any:
        claims, refusal = await original(authorizer, method, *arguments)
        if refusal is None and not method.get("authorizationScopes") and claims.get("token_use") != "id":
            return None, gateway_call.error("UNAUTHORIZED", "Unauthorized")
        return claims, refusal

    return validate
