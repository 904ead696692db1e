"""The Argo CD Applications that keep the worker and KEDA on a cluster as Git has them.

Git holds the manifests (gitops/), and the infrastructure hands over what only it knows, such as the queue's URL: the
Application patches the ConfigMap `worker-parameters` of the overlay. From there the values reach the worker's
environment, its image's repository, and the trigger of the ScaledObject (gitops/parameters).

Pure functions: resolve Outputs before.

Create KEDA's Application before the worker's, and delete it after: the ScaledObject has a finalizer that only KEDA
removes, and no namespace can be deleted while KEDA's API (external.metrics.k8s.io) is registered but not served.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from components.eks import WORKER_NAMESPACE

API_VERSION, KIND = "argoproj.io/v1alpha1", "Application"

ARGO_NAMESPACE = "argocd"
"""The namespace in which Argo CD reads Applications, as a Helm release and as EKS's capability."""

THIS_CLUSTER = "https://kubernetes.default.svc"
"""The cluster that Argo CD itself runs on. EKS's managed Argo CD takes the cluster's ARN instead."""

FINALIZER = "resources-finalizer.argocd.argoproj.io"
"""Lets Argo CD delete what an Application has created before the Application itself is gone."""

WORKER = "worker"
"""Name of the Deployment, container, ServiceAccount and ScaledObject in Git, and usually of the Application."""

PARAMETERS = "worker-parameters"
"""Name of the ConfigMap in Git that the Application patches."""

KEDA = "keda"
"""Name of KEDA's Application, and its namespace."""

KEDA_SERVICE_ACCOUNT = "keda-operator"
"""The operator's. The role that is associated with it reads the length of the queue; the worker's role does not."""

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""Of a ServiceAccount: the role of its pods, on nodes without the Pod Identity agent."""

KEDA_CHART = "https://kedacore.github.io/charts"
KEDA_VERSION = "2.20.1"

_BACKOFF = ("10s", "5m")
"""Between two tries of a sync that fails: the first, and the longest."""

_TRIES = 10


class Metadata(TypedDict):
    """Name and place of an Application."""

    name: str
    namespace: str
    finalizers: list[str]


class Destination(TypedDict):
    """Where the resources of an Application are created."""

    server: str
    namespace: str


class Target(TypedDict):
    """The resource that a patch changes."""

    kind: str
    name: str


class Patch(TypedDict):
    """A patch that Argo CD adds to the overlay's."""

    target: Target
    patch: str


class Kustomize(TypedDict):
    """How Argo CD changes an overlay before it renders it."""

    namespace: str
    patches: list[Patch]


class Helm(TypedDict):
    """How Argo CD renders a chart."""

    releaseName: str
    valuesObject: dict[str, object]


class Source(TypedDict):
    """Where the manifests are: a folder of a repository, or a chart."""

    repoURL: str
    targetRevision: str
    path: NotRequired[str]
    chart: NotRequired[str]
    kustomize: NotRequired[Kustomize]
    helm: NotRequired[Helm]


class Automated(TypedDict):
    """Whether Argo CD deletes what Git no longer has, and undoes changes that did not come from Git."""

    prune: bool
    selfHeal: bool


class Backoff(TypedDict):
    """How long Argo CD waits between tries."""

    duration: str
    factor: int
    maxDuration: str


class Retry(TypedDict):
    """How often Argo CD tries a sync again."""

    limit: int
    backoff: Backoff


class SyncPolicy(TypedDict):
    """When and how Argo CD syncs."""

    automated: Automated
    syncOptions: list[str]
    retry: Retry


class IgnoredDifference(TypedDict):
    """Fields of objects that Argo CD neither compares nor changes."""

    group: str
    kind: str
    jqPathExpressions: list[str]


class Spec(TypedDict):
    """What an Application keeps where."""

    project: str
    source: Source
    destination: Destination
    syncPolicy: SyncPolicy
    ignoreDifferences: NotRequired[list[IgnoredDifference]]


class Application(TypedDict):
    """The manifest of an Application."""

    apiVersion: str
    kind: str
    metadata: Metadata
    spec: Spec


@dataclass(frozen=True, kw_only=True)
class WorkerParameters:
    """What only the infrastructure knows of a worker, and where Git has the rest."""

    queue_url: str
    region: str
    image_repository: str
    """ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, without a tag. Git has the digest."""
    environment: Mapping[str, str]
    """The variables of a job (JobEnvironment: table, buckets, processor and so on), of its processor, and
    WORKER_JOB_MEMORY_MB, WORKER_JOB_SECONDS and LOG_LEVEL. Git has WORKER_MEMORY_MB and WORKER_STOP_SECONDS, because
    they follow from the Deployment."""
    repository_url: str
    """Of the Git repository, as Argo CD clones it."""
    path: str
    """Of the overlay in it, such as gitops/overlays/dev."""
    revision: str = "main"
    """Branch, tag or commit."""
    service_account_role_arn: str | None = None
    """Role of the ServiceAccount, for nodes without the Pod Identity agent, such as Fargate's (IRSA)."""


def metadata(application: str) -> Metadata:
    """Return the metadata of an Application. A preview knows all of it, unlike the spec."""
    return {"name": application, "namespace": ARGO_NAMESPACE, "finalizers": [FINALIZER]}


def worker_application(parameters: WorkerParameters, cluster: str = THIS_CLUSTER) -> Application:
    """Return the Application of the worker. Call it with values that are known: see the module's docstring."""
    own = {
        "IMAGE_REPOSITORY": parameters.image_repository,
        "QUEUE_URL": parameters.queue_url,
        "AWS_DEFAULT_REGION": parameters.region,
    }
    patches = [_patch("ConfigMap", PARAMETERS, {"data": {**parameters.environment, **own}})]
    if parameters.service_account_role_arn is not None:
        role = {ROLE_ANNOTATION: parameters.service_account_role_arn}
        patches.append(_patch("ServiceAccount", WORKER, {"metadata": {"name": WORKER, "annotations": role}}))
    source: Source = {
        "repoURL": parameters.repository_url,
        "targetRevision": parameters.revision,
        "path": parameters.path,
        "kustomize": {"namespace": WORKER_NAMESPACE, "patches": patches},
    }
    # The pods of the last revision need their ConfigMap until they are gone.
    return _application(WORKER, cluster, source, WORKER_NAMESPACE, options=["PruneLast=true"])


def keda_application(
    cluster: str = THIS_CLUSTER, *, replicas: int = 1, operator_role_arn: str | None = None
) -> Application:
    """Return the Application of KEDA, with its chart at one version.

    Its operator reads queues with the role that is associated with KEDA_SERVICE_ACCOUNT in the namespace KEDA, or with
    `operator_role_arn` on nodes without the Pod Identity agent, such as Fargate's (IRSA).
    """
    operator: dict[str, object] = {"name": KEDA_SERVICE_ACCOUNT}
    if operator_role_arn is not None:
        operator["annotations"] = {ROLE_ANNOTATION: operator_role_arn}
    source: Source = {
        "repoURL": KEDA_CHART,
        "chart": KEDA,
        "targetRevision": KEDA_VERSION,
        "helm": {
            "releaseName": KEDA,
            "valuesObject": {
                "serviceAccount": {"operator": operator},
                "operator": {"replicaCount": replicas},
                "metricsServer": {"replicaCount": replicas},
                # No trigger of ours reads a Secret.
                "permissions": {"operator": {"restrict": {"secret": True}}},
            },
        },
    }
    # Its definitions are longer than the annotation that client-side apply writes.
    options = ["CreateNamespace=true", "ServerSideApply=true", "RespectIgnoreDifferences=true"]
    application = _application(KEDA, cluster, source, KEDA, options=options)
    # KEDA writes its own certificate there, and Argo CD would remove it (kedacore/charts, issue 681).
    application["spec"]["ignoreDifferences"] = [
        {
            "group": "admissionregistration.k8s.io",
            "kind": "ValidatingWebhookConfiguration",
            "jqPathExpressions": [".webhooks[]?.clientConfig.caBundle"],
        },
        {"group": "apiregistration.k8s.io", "kind": "APIService", "jqPathExpressions": [".spec.caBundle"]},
    ]
    return application


def _patch(kind: str, name: str, change: Mapping[str, object]) -> Patch:
    """Return a patch as JSON, which is YAML too, with keys in one order: another order would be another revision."""
    api = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    text = json.dumps({**api, **change}, sort_keys=True)
    return {"target": {"kind": kind, "name": name}, "patch": _PAIR.sub(_as_character, text)}


_PAIR = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
"""An escaped backslash, or a character that JSON escapes as two, which YAML cannot read."""


def _as_character(found: re.Match[str]) -> str:
    return found[0] if found[0] == r"\\" else json.loads(f'"{found[0]}"')


def _application(name: str, cluster: str, source: Source, namespace: str, *, options: list[str]) -> Application:
    first, longest = _BACKOFF
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata(name),
        "spec": {
            "project": "default",
            "source": source,
            "destination": {"server": cluster, "namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": options,
                # The worker's first syncs fail until KEDA's definitions are there.
                "retry": {"limit": _TRIES, "backoff": {"duration": first, "factor": 2, "maxDuration": longest}},
            },
        },
    }
