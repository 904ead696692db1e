"""Kubernetes objects: the API of a cluster on the embedded AWS keeps them (local/emulator/patches/eks.py)."""

from collections.abc import Mapping

from local.resources.rows import Autoname, Call, Row, by

_NAMED = ("apiVersion", "kind")
_KEPT = Call(operation="PUT")


KINDS: Mapping[str, Row] = {
    "kubernetes:helm.sh/v3:Release": Row(
        service="kubernetes",
        create=_KEPT,
        delete=None,
        replace_on=("name", "namespace"),
        id=by("name"),
        autoname=Autoname(limit=53),  # Helm's
        not_emulated={"": "no chart is installed: local mode itself does what Argo CD would do"},
    ),
    "kubernetes:core/v1:Secret": Row(
        service="kubernetes",
        create=_KEPT,
        delete=None,
        replace_on=(*_NAMED, "metadata.name", "metadata.namespace"),
        id=lambda made: made.inputs["metadata"]["name"],
        not_emulated={"": "a Secret of a cluster is recorded"},
    ),
    "kubernetes:argoproj.io/v1alpha1:Application": Row(
        service="kubernetes",
        create=_KEPT,
        delete=None,
        replace_on=(*_NAMED, "metadata.name", "metadata.namespace"),
        id=lambda made: made.inputs["metadata"]["name"],
        not_emulated={"spec.source.chart": "no chart is installed: the number of pods stays 1"},
    ),
}

INPUTS: Mapping[str, frozenset[str]] = {
    "kubernetes:helm.sh/v3:Release": frozenset(
        (
            *("chart", "compat", "createNamespace", "name", "namespace", "repositoryOpts", "timeout", "values"),
            *("version", "skipAwait", "atomic"),
        )
    ),
    "kubernetes:core/v1:Secret": frozenset(
        ("apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable")
    ),
    "kubernetes:argoproj.io/v1alpha1:Application": frozenset(("apiVersion", "kind", "metadata", "spec", "operation")),
}
"""What each takes."""
