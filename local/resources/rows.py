"""The rows of the table: how a resource type is created, changed and deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from local.resources.parameters import Given, Move, compiled, nested


@dataclass(frozen=True)
class Account:
    """The AWS account that a program is deployed to."""

    region: str
    account_id: str
    endpoint: str
    """The address of its API and its data plane, `http://127.0.0.1:PORT`."""
    client: Callable[[str], Any]
    """Returns the deploying user's client of a service."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of one of the account's resources."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


@dataclass(frozen=True)
class Made:
    """A resource that exists or is being created."""

    subject: str
    """`<type> <name>`, the start of errors."""
    account: Account
    given: Given
    """The inputs with the provider's defaults and the automatic name."""
    inputs: Mapping[str, Any]
    """The same in plain text: without secret wrappers."""
    responses: dict[str, Any] = field(default_factory=dict[str, Any])
    """By operation, for the operations that were called."""
    id: str = ""
    """Set once `create` was called."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation of AWS's API."""

    operation: str
    moves: Mapping[str, Move] = field(default_factory=dict[str, Move])
    """By input. All inputs named here belong to the operation, also if it is not called."""
    when: str = ""
    """The input (`pointInTimeRecovery.enabled`) without which the operation is not called."""
    also: Callable[[Made], Mapping[str, Any]] = lambda _: {}
    """Members that do not come from inputs."""


@dataclass(frozen=True, kw_only=True)
class Autoname:
    """The input that gets the resource's name and seven random hexadecimal digits if the program does not set it."""

    input: str = "name"
    limit: int
    """AWS's limit; Pulumi rejects a longer name instead of shortening it."""
    lower_case: bool = False
    prefix: str = ""
    suffix: Callable[[Mapping[str, Any]], str] = lambda _: ""


def _nothing(made: Made) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


def _no_more(made: Made) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a resource type is created, changed and deleted, and which outputs it has.

    Every input goes to the call that names it in its moves, or else to `create`, unless it is in `provider_only`.
    """

    service: str
    """The client's name: `cognito-idp`."""
    create: Call
    then: tuple[Call, ...] = ()
    after: Callable[[Made], None] = _no_more
    """Runs after the calls, for what they cannot express."""
    repeatable: bool = False
    """Whether `create` replaces an existing resource, so that it also updates."""
    update: tuple[Call, ...] = ()
    """Calls that change the resource in place, in addition to `then`. Each has the inputs that it moves or that are
    members of its operation, and is called if one of them has changed."""
    after_update: Callable[[Made], None] = _no_more
    """`made.responses` holds the operations of the update."""
    changing: frozenset[str] = frozenset()
    """Outputs that an update may change; all others stay known in its preview."""
    replace_on: tuple[str, ...] = ()
    """Paths of the inputs that AWS cannot change in place (Terraform: ForceNew)."""
    before_delete: Callable[[Made], None] = _no_more
    delete: Call | None
    """None if it is deleted with its parent resource, or if AWS always has one."""
    id: Callable[[Made], str]
    outputs: Callable[[Made], Mapping[str, Any]] = _nothing
    """Outputs that are not inputs; every resource also returns its inputs."""
    autoname: Autoname | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the provider sends if the program does not set an input."""
    neutral: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The value of an input that has the same effect as no value."""
    provider_only: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs that are not sent to AWS, with what the provider does with them."""
    is_called: bool = True
    """False if the embedded AWS does not have the service; inputs are then only checked."""
    not_emulated: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs (`""` for the whole type) that are checked and stored but have no effect, with the reason."""


def by(name: str) -> Callable[[Made], str]:
    """Return a function that returns an input as the id."""
    return lambda made: made.inputs[name]


def tag_list(member: str = "Tags", key: str = "Key", value: str = "Value") -> Move:
    """Move tags to a member that holds them as a list of pairs."""
    return lambda tags: nested(
        member, [{key: replace(tag, value=name), value: tag} for name, tag in tags.children().items()]
    )


def checked(member: str, pattern: str, expected: str) -> Move:
    """Move text to a member, with a rule that botocore's model lacks."""

    def move(text: Given) -> Mapping[str, Any]:
        if not compiled(pattern).fullmatch(str(text.value)):
            raise text.refuse(expected)
        return nested(member, text)

    return move


def patch(path: str, value: Given) -> dict[str, Any]:
    """Return one of API Gateway's patch operations. All its values are text."""
    text = str(value.value).lower() if isinstance(value.value, bool) else value.value
    if isinstance(text, float):
        text = f"{text:g}"
    return {"op": "replace", "path": path, "value": replace(value, value=text)}
