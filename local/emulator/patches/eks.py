"""Patch of EKS: a cluster has an API that keeps objects, and the worker that an Application names is a process.

AWS: a cluster has a Kubernetes API. Argo CD reads Applications there, renders their manifests from Git, and the cluster
runs them; a pod has the credentials of the role that is associated with its service account.
Sources: https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html, argo-cd's documentation
MiniStack: does that with Docker, and without it only records clusters. Their settings cannot be changed.
Here: the API keeps what it is sent, without further checks. For an Application of a folder in Git it renders the
manifests as Argo CD does (local/argo_cd.py), with this checkout as Git, and runs one pod of the Deployment as a
process. The changes of settings that MiniStack lacks are accepted.
"""

import asyncio
import json
import re
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

from local import argo_cd
from local.argo_cd import Manifest
from local.emulator import containers, patching
from local.emulator.containers import RESTART_SECONDS, Container
from local.emulator.images import WORKER_OF_GIT, image_folder
from local.errors import LocalModeError

_SERVICE = "ministack.services.eks"
_API = re.compile(r"/kubernetes/(?P<cluster>[A-Za-z0-9_-]+)(?P<object>/.+)")
_CHANGES = re.compile(r"/clusters/[^/]+(/node-groups/[^/]+)?/(update-config|updates|update-version)")
_ROLE = "eks.amazonaws.com/role-arn"

Answer = tuple[int, Mapping[str, Any]]
App = Callable[..., Awaitable[None]]


def patch(data_dir: Path) -> None:
    """Serve the API of clusters, and accept changes of their settings."""
    clusters = _Clusters(data_dir)
    patching.replace("ministack.app", "app", clusters.serving)
    patching.replace(_SERVICE, "_handle_request_sync", _accepting_changes)


def _accepting_changes(original: Callable[..., Any]) -> Callable[..., Any]:
    def handle(method: str, path: str, *more: Any) -> Any:
        if method == "POST" and _CHANGES.fullmatch(path):
            return 200, {"Content-Type": "application/json"}, b'{"update": {"status": "Successful"}}'
        return original(method, path, *more)

    return handle


class _Clusters:
    """The objects of all clusters, and the pods of their Applications."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._objects: dict[str, Manifest] = {}
        """By path."""
        self._pods: dict[str, _Pod] = {}
        """By the path of their Application."""

    def serving(self, original: App) -> App:
        async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
            path = _API.fullmatch(scope.get("path", "")) if scope["type"] == "http" else None
            if path is None:
                await original(scope, receive, send)
                return
            body = b""
            while (message := await receive()) and message["type"] == "http.request":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
            status, content = await asyncio.to_thread(self._answer, scope["method"], path, body)
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps(content).encode()})

        return app

    def _answer(self, method: str, path: "re.Match[str]", body: bytes) -> Answer:
        key = path[0]
        if method == "PUT":
            self._objects[key] = json.loads(body)
            try:
                self._sync(path["cluster"], key, self._objects[key])
            except LocalModeError as error:
                return 422, {"message": str(error)}
        elif key not in self._objects:
            return 404, {"message": f"{path['object']} not found"}
        if method == "DELETE":
            if pod := self._pods.pop(key, None):
                pod.stop()
            return 200, self._objects.pop(key)
        return 200, self._objects[key]

    def _sync(self, cluster: str, key: str, manifest: Manifest) -> None:
        """Run what an Application names; those of charts are kept alone."""
        if manifest.get("kind") != "Application" or "path" not in manifest["spec"]["source"]:
            return
        manifests = argo_cd.rendered(manifest)
        deployment = argo_cd.only(manifests, "Deployment")
        spec = deployment["spec"]["template"]["spec"]
        account = argo_cd.only(manifests, "ServiceAccount")["metadata"]
        role_arn = account.get("annotations", {}).get(_ROLE) or _associated_role(
            cluster, deployment["metadata"]["namespace"], spec["serviceAccountName"]
        )
        variables = argo_cd.variables(manifests)
        if pod := self._pods.pop(key, None):
            pod.stop()
        image = image_folder(self._data_dir, WORKER_OF_GIT)
        if not image.is_dir():  # an image that nobody has made; the Application stays recorded
            return
        self._pods[key] = _Pod(
            Container(
                image=image,
                role_arn=role_arn,
                session=f"eks-{cluster}-{deployment['metadata']['name']}"[:64],
                region=variables["AWS_DEFAULT_REGION"],
                variables=variables,
                temporary=self._data_dir / "pods" / cluster / deployment["metadata"]["name"],
            ),
            spec["terminationGracePeriodSeconds"],
        )


def _associated_role(cluster: str, namespace: str, service_account: str) -> str:
    """Return the role that EKS Pod Identity gives to a service account; LocalModeError if there is none."""
    associations: Any = patching.attribute(_SERVICE, "_pod_identity_associations")
    for _, each in cast("list[tuple[Any, Mapping[str, str]]]", associations.all_items()):
        if (each["clusterName"], each["namespace"], each["serviceAccount"]) == (cluster, namespace, service_account):
            return each["roleArn"]
    raise LocalModeError(
        f"No role is associated with the service account {service_account} in the namespace {namespace} of {cluster}."
    )


class _Pod:
    """A container that is started again when it ends, until it is stopped. Its output is in a file."""

    def __init__(self, container: Container, stop_seconds: int) -> None:
        self._container = container
        self._stop_seconds = stop_seconds
        self._is_stopped = threading.Event()
        self._process = containers.start(container)
        threading.Thread(target=self._keep, daemon=True).start()

    def stop(self) -> None:
        """Stop it, and return when it has ended."""
        self._is_stopped.set()
        containers.stop(self._process, self._stop_seconds)

    def _keep(self) -> None:
        while True:
            self._write_log(self._process)
            self._process.wait()
            time.sleep(RESTART_SECONDS)
            if self._is_stopped.is_set():
                return
            self._process = containers.start(self._container)

    def _write_log(self, process: "subprocess.Popen[str]") -> None:
        with (self._container.temporary.parent / f"{self._container.temporary.name}.log").open("a") as log:
            for line in process.stdout or ():
                log.write(line)
                log.flush()
