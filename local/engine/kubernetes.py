"""Does what Pulumi's `kubernetes` provider does, with the API of a cluster on the embedded AWS."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pulumi.output import UNKNOWN, Unknown

from local.engine.provider import DEFAULTS, Resource, UnknownTypeError, autonamed, refuse_others
from local.resources.calls import RefusedError
from local.resources.kubernetes import INPUTS
from local.resources.parameters import Given, plain

TYPE = "pulumi:providers:kubernetes"

_CONFIG = {"kubeconfig", "clusterIdentifier"}
_SECONDS = 60


class KubernetesProvider:
    """The provider for one cluster."""

    def __init__(self) -> None:
        self._server: str | Unknown = UNKNOWN

    def configure(self, inputs: Given) -> Mapping[str, str]:
        """Read the cluster's address from the kubeconfig; returns no default tags."""
        refuse_others(inputs, _CONFIG, "cannot be set locally; remove it from the provider")
        given = inputs.children().get("kubeconfig")
        if given is None:
            raise inputs.refuse("must have a kubeconfig: local mode reads no file of this machine")
        if not isinstance(given.value, Unknown):
            try:
                (cluster,) = json.loads(given.value)["clusters"]
                self._server = cluster["cluster"]["server"]
            except (KeyError, TypeError, ValueError) as error:
                raise given.refuse(f"must be a kubeconfig in JSON, with one cluster ({error!r})") from error
        return {}

    def complete(
        self,
        resource: Resource,
        inputs: Mapping[str, Any],
        *,
        default_tags: Mapping[str, str],
        random: str,
        before: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the inputs, with an automatic name where the kind has one."""
        del default_tags
        return autonamed(resource, dict(inputs), random, before)

    def check(self, resource: Resource, inputs: Mapping[str, Any]) -> None:
        """Check the inputs without calling the API."""
        known = {*INPUTS[resource.type], DEFAULTS}
        refuse_others(Given(inputs, str(resource)), known, "is not an input of this kind; remove it")

    def create(self, resource: Resource, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Send an object to the API; return its id, and no outputs but its inputs."""
        self.check(resource, inputs)
        self._call("PUT", resource, inputs)
        return "/".join(_place(resource, inputs)[1:]), {}

    def update(
        self, resource: Resource, resource_id: str, inputs: Mapping[str, Any], changed: AbstractSet[str]
    ) -> dict[str, Any]:
        """Send it again."""
        del resource_id, changed
        self._call("PUT", resource, inputs)
        return {}

    def delete(self, resource: Resource, resource_id: str, inputs: Mapping[str, Any]) -> None:
        """Delete it, and return when what it has started has ended."""
        del resource_id
        self._call("DELETE", resource, inputs)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse: the provider's functions render charts and manifests."""
        del arguments
        raise UnknownTypeError(f"{token}: local mode does not have this function")

    def _call(self, method: str, resource: Resource, inputs: Mapping[str, Any]) -> None:
        kind, namespace, name = _place(resource, inputs)
        if isinstance(self._server, Unknown):
            raise RefusedError(f"{resource}: the cluster's address is not known")
        manifest = {key: value for key, value in plain(dict(inputs)).items() if not key.startswith("__")}
        try:
            _answer(method, f"{self._server}/{kind}/{namespace}/{name}", manifest)
        except urllib.error.HTTPError as error:
            reason = json.load(error)["message"]
            raise RefusedError(f"{resource}: the cluster's API refused {method}: {reason}") from error


def application(endpoint: str, cluster: str, name: str) -> Mapping[str, Any]:
    """Return an Application of Argo CD as a cluster on the embedded AWS has it."""
    return _answer("GET", f"{endpoint}/kubernetes/{cluster}/argoproj.io/v1alpha1/applications/argocd/{name}")


def _answer(method: str, address: str, manifest: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    body = None if manifest is None else json.dumps(manifest).encode()
    request = urllib.request.Request(address, body, method=method)  # noqa: S310 - the embedded AWS
    without_proxies = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with without_proxies.open(request, timeout=_SECONDS) as response:
        return json.load(response)


def _place(resource: Resource, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the kind, as a part of a path, the namespace and the name of an object."""
    _, api, kind = resource.type.split(":")
    metadata = plain(inputs.get("metadata")) or plain(dict(inputs))
    return f"{api}/{kind.lower()}s", metadata.get("namespace", "default"), metadata["name"]
