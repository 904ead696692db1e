"""Does what Pulumi's `aws` provider does, on the embedded AWS, from the table of resource types.

The built-in runner (built_in/deployer.py) and the plugin of the real engine (pulumi_cli/plugin.py) both use it. An
input that AWS would reject, or a type without a row, is an error that names the resource.
"""

import json
from collections.abc import Container, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from pulumi.output import UNKNOWN, Unknown
from pulumi.runtime import rpc

from local.resources import INVOKES, TABLE, Account, Made, Row
from local.resources.calls import RefusedError, call, check
from local.resources.kubernetes import KINDS
from local.resources.parameters import Given, InvalidInputError, plain
from local.resources.rows import Call

TYPE = "pulumi:providers:aws"

DEFAULTS = "__defaults"
"""Lists the inputs that the provider itself set; inputs with two underscores are not sent to AWS."""

_TAGS_ALL = "tagsAll"  # the resource's tags and the provider's default tags
_DIGITS = 7
_CONFIG = {
    "region",
    "defaultTags",
    "allowedAccountIds",
    # set by the SDK: what the provider looks up before it starts
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
}


KNOWN: Mapping[str, Row] = {**TABLE, **KINDS}
"""The rows of AWS's types and of Kubernetes' kinds."""


class UnknownTypeError(LookupError):
    """The table has no row for a resource type or no entry for a provider function."""


@dataclass(frozen=True)
class Resource:
    """The resource of an operation."""

    type: str
    name: str
    """The program's name for it."""

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def row(self) -> Row:
        """Return the type's row; UnknownTypeError where there is none."""
        if self.type not in KNOWN:
            raise UnknownTypeError(f"{self}: local mode has no row for this type; add one in local/resources/")
        return KNOWN[self.type]


def refuse_others(inputs: Given, known: Container[str], why: str) -> None:
    """Refuse an input that is not known."""
    for name, given in inputs.children().items():
        if name not in known:
            raise given.refuse(why)


class Provider(Protocol):
    """Makes the resources of one of Pulumi's packages; called from several threads at once."""

    def configure(self, inputs: Given) -> Mapping[str, str]:
        """Check the provider's own inputs (JSON text), and return its default tags."""
        ...

    def complete(
        self,
        resource: Resource,
        inputs: Mapping[str, Any],
        *,
        default_tags: Mapping[str, str],
        random: str,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the inputs with the provider's defaults."""
        ...

    def check(self, resource: Resource, inputs: Mapping[str, Any]) -> None:
        """Check complete inputs without making anything; some may be unknown."""
        ...

    def create(self, resource: Resource, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Create a resource; return its id and the outputs that are not inputs."""
        ...

    def update(
        self, resource: Resource, resource_id: str, inputs: Mapping[str, Any], changed: AbstractSet[str]
    ) -> dict[str, Any]:
        """Change a resource in place; return the outputs that the update changes."""
        ...

    def delete(self, resource: Resource, resource_id: str, inputs: Mapping[str, Any]) -> None:
        """Delete a resource."""
        ...

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result of a provider function."""
        ...


class AwsProvider:
    """The provider for one account, called from several threads at once."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def configure(self, inputs: Given) -> Mapping[str, str]:
        """Check the provider's own inputs (JSON text), and return its default tags."""
        refuse_others(inputs, _CONFIG, "cannot be set locally; remove it from the provider")
        self.check_region(inputs)
        allowed = inputs.children().get("allowedAccountIds")
        if allowed is not None and self._account.account_id not in json.loads(allowed.value):
            raise allowed.refuse(f"must contain {self._account.account_id}, the embedded AWS's account")
        return json.loads(plain(inputs.value.get("defaultTags", "{}"))).get("tags", {})

    def check_region(self, inputs: Given) -> None:
        """Reject any region but the embedded AWS's."""
        region = inputs.children().get("region")
        if region is not None and region.value != self._account.region:
            raise region.refuse(f"must be {self._account.region}: local mode has one region; leave it out")

    def complete(
        self,
        resource: Resource,
        inputs: Mapping[str, Any],
        *,
        default_tags: Mapping[str, str],
        random: str,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the inputs with the provider's defaults, and without inputs that have no effect.

        `random` has hexadecimal digits for an automatic name; the resource keeps the name that it has in `before`.
        """
        row = resource.row
        self.check_region(Given(inputs, str(resource)))
        complete = {**row.defaults, **inputs}
        complete.pop("region", None)
        for name, value in row.neutral.items():
            if plain(complete.get(name)) == value:
                del complete[name]
        complete = autonamed(resource, complete, random, before)
        if self._takes_tags(row):
            complete[_TAGS_ALL] = _merged(default_tags, inputs.get("tags"))
        return complete

    def check(self, resource: Resource, inputs: Mapping[str, Any]) -> None:
        """Check complete inputs without calling AWS; some may be unknown."""
        made = replace(self._made(resource, inputs), id=cast("Any", UNKNOWN))
        for step in _steps(resource.row, made):
            self._check(resource.row, step, made)

    def create(self, resource: Resource, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Create a resource from its complete inputs; return its id and the outputs that are not inputs."""
        row, made = resource.row, self._made(resource, inputs)
        self._call(row, row.create, made)
        made = replace(made, id=row.id(made))
        for step in _steps(row, made)[1:]:
            self._call(row, step, made)
        row.after(made)
        return made.id, {**row.outputs(made), "region": self._account.region}

    def update(
        self, resource: Resource, resource_id: str, inputs: Mapping[str, Any], changed: AbstractSet[str]
    ) -> dict[str, Any]:
        """Change a resource in place; return the outputs that the update changes."""
        row, made = resource.row, replace(self._made(resource, inputs), id=resource_id)
        left = {"tags" if name == _TAGS_ALL else name for name in changed} - row.provider_only.keys() - {DEFAULTS}
        repeated = _steps(row, made)[0 if row.repeatable else 1 :]
        due = [step for step in (*repeated, *row.update) if self._own(row, step, made) & left]
        if missing := left - {name for step in due for name in self._own(row, step, made)}:
            raise RefusedError(
                f"{resource}: local mode cannot change {', '.join(sorted(missing))} in place; delete the resource first"
            )
        for step in due:
            self._call(row, step, made)
        if row.is_called:
            row.after_update(made)
        return dict(row.outputs(made)) if row.changing else {}

    def delete(self, resource: Resource, resource_id: str, inputs: Mapping[str, Any]) -> None:
        """Delete a resource."""
        row, made = resource.row, replace(self._made(resource, inputs), id=resource_id)
        if row.is_called and row.delete is not None:
            row.before_delete(made)
            self._call(row, row.delete, made)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result of a provider function."""
        if token not in INVOKES:
            raise UnknownTypeError(f"{token}: local mode does not have this function; add it in local/resources/")
        return INVOKES[token](self._account, arguments)

    def _made(self, resource: Resource, inputs: Mapping[str, Any]) -> Made:
        sent = {name: value for name, value in inputs.items() if not name.startswith("__") and name != _TAGS_ALL}
        if plain(inputs.get(_TAGS_ALL)):
            sent["tags"] = inputs[_TAGS_ALL]
        return Made(str(resource), self._account, Given(sent, str(resource)), plain(sent))

    def _call(self, row: Row, step: Call, made: Made) -> None:
        if row.is_called:
            made.responses[step.operation] = call(*self._request(row, step, made))
        else:
            self._check(row, step, made)

    def _check(self, row: Row, step: Call, made: Made) -> None:
        check(*self._request(row, step, made))

    def _request(
        self, row: Row, step: Call, made: Made
    ) -> tuple[Any, str, Given, Mapping[str, Any], Mapping[str, Any]]:
        own = self._own(row, step, made)
        inputs = {name: value for name, value in made.given.value.items() if name in own}
        also: Mapping[str, Any] = {} if rpc.contains_unknowns(inputs) else step.also(made)
        return self._account.client(row.service), step.operation, replace(made.given, value=inputs), step.moves, also

    def _own(self, row: Row, step: Call, made: Made) -> AbstractSet[str]:
        """Return the names of a step's inputs."""
        given: AbstractSet[str] = made.given.value.keys()
        if step is row.create:
            claimed = {name for other in row.then for name in _heads(other)} - _heads(row.create)
            return given - claimed - row.provider_only.keys()
        if step in row.update:
            members = {member.lower() for member in self._members(row, step)}
            return {name for name in given if name in _heads(step) or name.lower() in members}
        return given & _heads(step)

    def _members(self, row: Row, step: Call) -> AbstractSet[str]:
        model = self._account.client(row.service).meta.service_model.operation_model(step.operation)
        return model.input_shape.members.keys()

    def _takes_tags(self, row: Row) -> bool:
        if any("tags" in step.moves for step in (row.create, *row.then)):
            return True
        return any(member.lower() == "tags" for member in self._members(row, row.create))


def _steps(row: Row, made: Made) -> list[Call]:
    return [row.create, *(step for step in row.then if not step.when or at(made.inputs, step.when))]


def autonamed(
    resource: Resource, inputs: Mapping[str, Any], random: str, before: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the inputs with an automatic name, if the type has one and the program gives none."""
    rule = resource.row.autoname
    if rule is None or inputs.get(rule.input) is not None:
        return dict(inputs)
    is_named = before is not None and rule.input in before.get(DEFAULTS, ())
    name = before[rule.input] if before and is_named else _name(resource, inputs, random)
    return {**inputs, rule.input: name, DEFAULTS: [rule.input]}


def _name(resource: Resource, inputs: Mapping[str, Any], random: str) -> str:
    rule = resource.row.autoname
    if rule is None:
        raise TypeError(f"{resource}: its row has no automatic name")
    stem = resource.name.lower() if rule.lower_case else resource.name
    name = f"{rule.prefix}{stem}-{random[:_DIGITS]}{rule.suffix(inputs)}"
    if len(name) > rule.limit:
        raise InvalidInputError(
            str(resource),
            rule.input,
            f"{rule.input} would be {name}, longer than {rule.limit} characters; "
            f"name the resource shorter, or give it a {rule.input}",
        )
    return name


def _merged(default_tags: Mapping[str, str], tags: Any) -> Any:
    if rpc.is_rpc_secret(tags):
        return rpc.wrap_rpc_secret(_merged(default_tags, rpc.unwrap_rpc_secret(tags)))
    return tags if isinstance(tags, Unknown) else {**default_tags, **cast("dict[str, Any]", tags or {})}


def _heads(step: Call) -> set[str]:
    return {key.partition(".")[0] for key in step.moves}


def at(inputs: Any, path: str) -> Any:
    """Return an input by its path; None if a block on the path is missing."""
    for name in path.split("."):
        inputs = cast("dict[str, Any]", inputs).get(name) if isinstance(inputs, dict) else None
    return inputs
