"""What a row of the table can say about a resource type."""

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
    """Where its API and its data plane answer, `http://127.0.0.1:PORT`."""
    client: Callable[[str], Any]
    """Returns the deploying user's client of a service."""

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of one of the account's resources."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


@dataclass(frozen=True)
class Made:
    """A resource that has been made, or is being made."""

    subject: str
    """`<type> <name>`, as errors begin."""
    account: Account
    given: Given
    """The inputs with provider defaults and the made-up name filled in."""
    inputs: Mapping[str, Any]
    """The same in plain text: without secret wrappers."""
    responses: dict[str, Any] = field(default_factory=dict[str, Any])
    """By operation, as far as they have been called."""
    id: str = ""
    """Known as soon as `create` was called."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation of AWS's API."""

    operation: str
    moves: Mapping[str, Move] = field(default_factory=dict[str, Move])
    """By input. All inputs named here are the operation's, whether or not it is called."""
    when: str = ""
    """The input (`pointInTimeRecovery.enabled`) without which the operation is not called."""
    also: Callable[[Made], Mapping[str, Any]] = lambda _: {}
    """Members that do not come from inputs."""


@dataclass(frozen=True, kw_only=True)
class Autoname:
    """The input that gets the resource's name and seven random hexadecimal digits where the program gives none."""

    input: str = "name"
    limit: int
    """AWS's limit; Pulumi refuses a longer name instead of cutting it."""
    lower_case: bool = False
    prefix: str = ""
    suffix: Callable[[Mapping[str, Any]], str] = lambda _: ""


def _nothing(made: Made) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


def _no_more(made: Made) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a resource type is made, changed and deleted, and what its provider then says of it.

    Every input must be consumed: by the call that names it in its moves, else by `create`, unless it is declared in
    `provider_only`.
    """

    service: str
    """The client's name: `cognito-idp`."""
    create: Call
    then: tuple[Call, ...] = ()
    after: Callable[[Made], None] = _no_more
    """What calls alone cannot express."""
    repeatable: bool = False
    """Whether `create` replaces what is there, so that it also updates."""
    update: tuple[Call, ...] = ()
    """What changes the resource in place, beside `then`. Each takes the inputs that it moves or that its operation has
    a member for, and is called where one of them has changed."""
    after_update: Callable[[Made], None] = _no_more
    """`made.responses` holds the operations of the update."""
    changing: frozenset[str] = frozenset()
    """Outputs that an update may change; all others stay known in its preview."""
    replace_on: tuple[str, ...] = ()
    """Paths of the inputs that AWS cannot change in place (Terraform: ForceNew)."""
    before_delete: Callable[[Made], None] = _no_more
    delete: Call | None
    """None where nothing is left once the resource around it is deleted, or where AWS always has one."""
    id: Callable[[Made], str]
    outputs: Callable[[Made], Mapping[str, Any]] = _nothing
    """Beside the inputs, which every resource gives back."""
    autoname: Autoname | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the provider sends where the program says nothing."""
    neutral: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The value with which an input says the same as if it were left out."""
    provider_only: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs that AWS never sees, with what the provider does with them."""
    is_called: bool = True
    """False where the embedded AWS does not have the service: inputs are checked, and that is all."""
    not_emulated: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs (`""` for the whole type) that are checked and stored, but that nothing here acts on: the reason."""


def by(name: str) -> Callable[[Made], str]:
    """Take an input for the id."""
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
