"""Patch of Cognito: no sign-up in a user pool where only administrators create users.

AWS: SignUp answers NotAuthorizedException, "SignUp is not permitted for this user pool".
Source: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUserConfigType.html
MiniStack: stores AllowAdminCreateUserOnly and ignores it.
Here: the same error.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import patching

_MODULE = "ministack.services.cognito"


def patch() -> None:
    """Check the client's pool before a sign-up."""
    patching.replace(_MODULE, "_sign_up", _where_permitted)


def _where_permitted(original: Callable[..., Any]) -> Callable[..., Any]:
    pools = patching.attribute(_MODULE, "_user_pools")
    error = patching.attribute(_MODULE, "error_response_json")

    def sign_up(data: Mapping[str, Any]) -> Any:
        for pool in pools.values():
            is_closed = bool(pool["AdminCreateUserConfig"].get("AllowAdminCreateUserOnly"))
            if is_closed and data.get("ClientId") in pool["_clients"]:
                return error("NotAuthorizedException", "SignUp is not permitted for this user pool", 400)
        return original(data)

    return sign_up
