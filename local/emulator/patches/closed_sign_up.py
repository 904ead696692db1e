"""Nobody signs up in a pool whose administrator makes the users.

AWS: SignUp answers NotAuthorizedException, "SignUp is not permitted for this user pool".
Source: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUserConfigType.html
MiniStack: stores AllowAdminCreateUserOnly, and signs up anybody.
Here: the same refusal.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.emulator import patching

_MODULE = "ministack.services.cognito"


def patch() -> None:
    """Ask the pool of the client first."""
    patching.replace(_MODULE, "_sign_up", _where_permitted)


def _where_permitted(original: Callable[..., Any]) -> Callable[..., Any]:
    pools = patching.attribute(_MODULE, "_user_pools")
    refuse = patching.attribute(_MODULE, "error_response_json")

    def sign_up(data: Mapping[str, Any]) -> Any:
        for pool in pools.values():
            is_closed = bool(pool["AdminCreateUserConfig"].get("AllowAdminCreateUserOnly"))
            if is_closed and data.get("ClientId") in pool["_clients"]:
                return refuse("NotAuthorizedException", "SignUp is not permitted for this user pool", 400)
        return original(data)

    return sign_up
