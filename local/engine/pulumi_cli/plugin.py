"""The plugins `pulumi-resource-aws` and `pulumi-resource-kubernetes` for the real engine: local mode's over gRPC.

Inputs are returned as the engine sent them, so secrets, unknown values and the hashes of archives are kept. Only what
the provider adds or computes is written here.
"""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from importlib.metadata import version
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.output import UNKNOWN, Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from local.emulator.clients import Clients, Credentials
from local.emulator.process import Emulator
from local.engine.kubernetes import KubernetesProvider
from local.engine.provider import DEFAULTS, TYPE, AwsProvider, Provider, Resource, UnknownTypeError, at
from local.resources import Account
from local.resources.calls import RefusedError
from local.resources.parameters import Given, InvalidInputError, plain

_THREADS = 16
_MESSAGE_BYTES = 400 * 1024 * 1024  # the engine's own limit
_LOOK_SECONDS = 1.0

# https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_CONTENTS = {"assets", "path", "text", "uri"}
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a mark, not a secret


def environment(emulator: Emulator) -> dict[str, str]:
    """Return the variables with the embedded AWS's address for a plugin."""
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": emulator.region,
        "AWS_ACCOUNT_ID": emulator.account_id,
        "AWS_ACCESS_KEY_ID": emulator.operator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": emulator.operator.secret_access_key,
    }


def _account() -> Account:
    endpoint, region = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]
    credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    return Account(region, os.environ["AWS_ACCOUNT_ID"], endpoint, Clients(endpoint, region, credentials))


_P = ParamSpec("_P")
_R = TypeVar("_R")


def _explained(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Send the engine the message of an error that explains itself, and a traceback for any other."""

    @wraps(method)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except (RefusedError, UnknownTypeError, InvalidInputError) as error:
            code, words = grpc.StatusCode.INVALID_ARGUMENT, str(error)
        except Exception:  # noqa: BLE001 - the engine prints it
            code, words = grpc.StatusCode.UNKNOWN, traceback.format_exc()
        _abort(args[-1], code, words)

    return answer


def _abort(context: Any, code: grpc.StatusCode, words: str) -> NoReturn:
    context.abort(code, words)
    raise AssertionError("gRPC's abort raises")


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """One provider's process; the engine calls it from several threads at once."""

    # ruff: noqa: N802, ARG002 - the names and the contexts are gRPC's

    def __init__(self, package: str) -> None:
        self._package = package
        self._provider: Provider = KubernetesProvider() if package == "kubernetes" else AwsProvider(_account())
        self._default_tags: Mapping[str, str] = {}

    @_explained
    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Check the provider's own inputs."""
        try:
            self._provider.configure(_config(request.news))
        except InvalidInputError as error:
            return _failed(error)
        return provider_pb2.CheckResponse(inputs=request.news)

    @_explained
    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another region or cluster requires another provider, with its own resources."""
        return _difference(_changes(request.old_inputs, request.news), {"region", "clusterIdentifier"})

    @_explained
    def Configure(self, request: Any, context: Any) -> Any:
        """Store the default tags, and return what this plugin supports."""
        self._default_tags = self._provider.configure(_config(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @_explained
    def Check(self, request: Any, context: Any) -> Any:
        """Complete and check the inputs, also in a preview."""
        resource, given = Resource(request.type, request.name), _inputs(request.news)
        digits = hashlib.sha256(request.randomSeed + request.urn.encode()).hexdigest()
        try:
            complete = self._provider.complete(
                resource, given, default_tags=self._default_tags, random=digits, before=_inputs(request.olds)
            )
            self._provider.check(resource, complete)
        except InvalidInputError as error:
            return _failed(error)
        inputs = struct_pb2.Struct(fields={name: request.news.fields[name] for name in given.keys() & complete.keys()})
        inputs.update(_wire({name: value for name, value in complete.items() if name not in given}))
        return provider_pb2.CheckResponse(inputs=inputs)

    @_explained
    def Diff(self, request: Any, context: Any) -> Any:
        """Return which inputs have changed, and which of them AWS cannot change in place."""
        row = Resource(request.type, request.name).row
        changed = _changes(request.old_inputs, request.news)
        before, after = plain(_inputs(request.old_inputs)), plain(_inputs(request.news))
        replacing = {
            path.partition(".")[0]
            for path in row.replace_on
            if path.partition(".")[0] in changed and at(before, path) != at(after, path)
        }
        name = row.autoname.input if row.autoname else ""
        # a name from the program is in use until the old resource is deleted
        is_name_taken = bool(name) and name not in changed and name not in before.get(DEFAULTS, ())
        return _difference(changed, replacing, delete_first=bool(replacing) and is_name_taken)

    @_explained
    def Create(self, request: Any, context: Any) -> Any:
        """Create the resource; in a preview, all outputs except for inputs are unknown."""
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(request.properties))
        resource = Resource(request.type, request.name)
        resource_id, computed = self._provider.create(resource, _inputs(request.properties))
        return provider_pb2.CreateResponse(id=resource_id, properties=_outputs(request.properties, computed))

    @_explained
    def Read(self, request: Any, context: Any) -> Any:
        """Return the stored state, because only the engine changes these resources."""
        if not request.inputs.fields:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{request.type} {request.name} reads a resource that exists already ({request.id}), but local mode "
                "starts with an empty account; declare the resource in the program",
            )
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    @_explained
    def Update(self, request: Any, context: Any) -> Any:
        """Change the resource in place."""
        resource = Resource(request.type, request.name)
        computed = {name: value for name, value in request.olds.fields.items() if name not in request.old_inputs.fields}
        kept = struct_pb2.Struct(fields={**computed, **request.news.fields})
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_outputs(kept, dict.fromkeys(resource.row.changing, UNKNOWN)))
        changed = _changes(request.old_inputs, request.news)
        updated = self._provider.update(resource, request.id, _inputs(request.news), changed.keys())
        return provider_pb2.UpdateResponse(properties=_outputs(kept, updated))

    @_explained
    def Delete(self, request: Any, context: Any) -> Any:
        """Delete the resource."""
        self._provider.delete(Resource(request.type, request.name), request.id, _inputs(request.old_inputs))
        return empty_pb2.Empty()

    @_explained
    def Invoke(self, request: Any, context: Any) -> Any:
        """Return the result of a provider function."""
        answer = struct_pb2.Struct()
        answer.update(_wire(self._provider.invoke(request.tok, plain(_inputs(request.args)))))
        fields: dict[str, Any] = {"return": answer}
        return provider_pb2.InvokeResponse(**fields)

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """Return the version of the provider that the program was written for."""
        return plugin_pb2.PluginInfo(version=version(f"pulumi-{self._package}"))

    def Cancel(self, request: Any, context: Any) -> Any:
        """Do nothing, because each call ends by itself within about a second."""
        return empty_pb2.Empty()


def _config(struct: struct_pb2.Struct) -> Given:
    inputs = {name: value for name, value in _inputs(struct).items() if name != "version" and not name.startswith("__")}
    return Given(inputs, TYPE)


def _inputs(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return Python values; the engine has only the hash of an earlier archive."""
    readable = struct_pb2.Struct(fields={name: _unmarked(value) for name, value in struct.fields.items()})
    for name, value in struct.fields.items():
        fields = value.struct_value.fields
        if _SIGNATURE in fields and "hash" in fields and not fields.keys() & _CONTENTS:
            readable.fields[name].CopyFrom(fields["hash"])
    return rpc.deserialize_properties(readable, keep_unknowns=True)


def _unmarked(value: struct_pb2.Value) -> struct_pb2.Value:
    """Remove the secret's mark from an unknown value, because the SDK would read it as null."""
    fields = value.struct_value.fields
    is_secret = _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET
    if is_secret and fields["value"].string_value == rpc.UNKNOWN:
        return fields["value"]
    if value.HasField("struct_value"):
        members = {name: _unmarked(member) for name, member in fields.items()}
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=members))
    if value.HasField("list_value"):
        items = [_unmarked(item) for item in value.list_value.values]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    return value


def _outputs(properties: struct_pb2.Struct, computed: Mapping[str, Any] | None = None) -> struct_pb2.Struct:
    fields = {name: value for name, value in properties.fields.items() if name != DEFAULTS}
    outputs = struct_pb2.Struct(fields=fields)
    outputs.update(_wire(computed or {}))
    return outputs


def _wire(value: Any) -> Any:
    """Replace unknown values with the engine's mark; secrets are in their wire form already."""
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        return {name: _wire(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_wire(item) for item in cast("list[Any]", value)]
    return value


def _changes(
    before: struct_pb2.Struct, after: struct_pb2.Struct
) -> dict[str, provider_pb2.PropertyDiff.Kind.ValueType]:
    """Return the inputs that differ, with the kind of each change."""
    kinds = provider_pb2.PropertyDiff
    changes: dict[str, provider_pb2.PropertyDiff.Kind.ValueType] = {}
    for name in (before.fields.keys() | after.fields.keys()) - {DEFAULTS}:
        if name not in before.fields:
            changes[name] = kinds.ADD
        elif name not in after.fields:
            changes[name] = kinds.DELETE
        elif _comparable(before.fields[name]) != _comparable(after.fields[name]):
            changes[name] = kinds.UPDATE
    return changes


def _comparable(value: struct_pb2.Value) -> Any:
    """Return a value for comparison: archives are equal by their hashes, and a secret equals its plain value."""
    match value.WhichOneof("kind"):
        case "list_value":
            return [_comparable(item) for item in value.list_value.values]
        case "struct_value":
            fields = value.struct_value.fields
            if _SIGNATURE in fields and fields[_SIGNATURE].string_value == _SECRET:
                return _comparable(fields["value"])
            if _SIGNATURE in fields and "hash" in fields:
                return fields["hash"].string_value
            return {name: _comparable(item) for name, item in fields.items()}
        case kind:
            return getattr(value, kind) if kind else None


def _difference(
    changes: Mapping[str, provider_pb2.PropertyDiff.Kind.ValueType],
    replacing: set[str],
    *,
    delete_first: bool = False,
) -> provider_pb2.DiffResponse:
    details = {
        # each kind is followed by the same kind for a replacement
        name: provider_pb2.PropertyDiff(kind=cast("Any", kind + (name in replacing)), inputDiff=True)
        for name, kind in changes.items()
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted(changes),
        replaces=sorted(replacing & changes.keys()),
        deleteBeforeReplace=delete_first,
        detailedDiff=details,
        hasDetailedDiff=True,
    )


def _failed(error: InvalidInputError) -> provider_pb2.CheckResponse:
    failure = provider_pb2.CheckFailure(property=error.path, reason=error.reason)
    return provider_pb2.CheckResponse(failures=[failure])


def main() -> None:
    """Serve on a free port, which the engine reads from standard output, until the engine ends."""
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    with ThreadPoolExecutor(_THREADS) as pool:
        server = grpc.server(pool, options=options)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(sys.argv[1]), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        engine = os.getppid()
        while os.getppid() == engine:  # an engine that was killed sends no signal
            server.wait_for_termination(_LOOK_SECONDS)
        server.stop(None)


if __name__ == "__main__":
    main()
