"""Cases of the rules for ECS, EKS, ECR, and workloads on Kubernetes."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from tests.support.policies.cases.case import case

PINNED = "registry.example/worker@sha256:" + "0a" * 32


def _task(n: str, **more: object) -> None:
    container = {"name": "worker", "image": PINNED, **more}
    aws.ecs.TaskDefinition(n, family="f", container_definitions=json.dumps([container]))


@case("ecs-container-is-not-privileged")
def privileged(n: str, *, ok: bool) -> None:
    _task(n, privileged=not ok)


@case("ecs-container-root-is-read-only")
def read_only(n: str, *, ok: bool) -> None:
    _task(n, readonlyRootFilesystem=ok)


@case("ecs-container-logs")
def container_log(n: str, *, ok: bool) -> None:
    _task(n, **({"logConfiguration": {"logDriver": "awslogs"}} if ok else {}))


@case("ecs-environment-has-no-secrets")
def environment(n: str, *, ok: bool) -> None:
    _task(n, environment=[{"name": "API_KEY", "value": "arn:aws:ssm:a" if ok else "hunter2"}])


@case("ecs-image-is-pinned")
def image(n: str, *, ok: bool) -> None:
    _task(n, image=PINNED if ok else "registry.example/worker:1")


@case("ecs-service-has-no-public-address")
def service(n: str, *, ok: bool) -> None:
    aws.ecs.Service(n, network_configuration={"subnets": ["s"], "assign_public_ip": not ok})


@case("ecs-cluster-has-insights")
def insights(n: str, *, ok: bool) -> None:
    aws.ecs.Cluster(n, settings=[{"name": "containerInsights", "value": "enabled" if ok else "disabled"}])


def _cluster(n: str, network: aws.eks.ClusterVpcConfigArgsDict, **more: Any) -> None:
    aws.eks.Cluster(n, role_arn="arn:aws:iam::123456789012:role/r", vpc_config=network, **more)


@case("eks-endpoint-is-not-public")
def endpoint(n: str, *, ok: bool) -> None:
    _cluster(n, {"subnet_ids": ["s"], "endpoint_public_access": not ok})


@case("eks-endpoint-is-not-public")
def endpoint_with_sources(n: str, *, ok: bool) -> None:
    _cluster(n, {"subnet_ids": ["s"], "public_access_cidrs": ["203.0.113.0/24" if ok else "0.0.0.0/0"]})


@case("eks-secrets-are-encrypted")
def kubernetes_secrets(n: str, *, ok: bool) -> None:
    config: aws.eks.ClusterEncryptionConfigArgsDict = {"provider": {"key_arn": "k"}, "resources": ["secrets"]}
    _cluster(n, {"subnet_ids": ["s"]}, encryption_config=config if ok else None)


@case("eks-audit-is-logged")
def audit(n: str, *, ok: bool) -> None:
    _cluster(n, {"subnet_ids": ["s"]}, enabled_cluster_log_types=["api", "audit"] if ok else ["api"])


@case("ecr-images-are-scanned")
def scanned(n: str, *, ok: bool) -> None:
    aws.ecr.Repository(n, image_scanning_configuration={"scan_on_push": ok})


@case("ecr-tags-are-immutable")
def immutable(n: str, *, ok: bool) -> None:
    aws.ecr.Repository(n, image_tag_mutability="IMMUTABLE" if ok else None)


@case("ecr-repository-has-lifecycle")
def image_lifecycle(n: str, *, ok: bool) -> None:
    repository = aws.ecr.Repository(n)
    if ok:
        aws.ecr.LifecyclePolicy(f"{n}l", repository=repository.name, policy=json.dumps({"rules": []}))


def _pod(container: Mapping[str, Any], **more: Any) -> Any:
    return {"containers": [{"name": "worker", "image": PINNED, **container}], **more}


def _template(container: Mapping[str, Any], **more: Any) -> Any:
    return {"selector": {"match_labels": {"a": "b"}}, "template": {"spec": _pod(container, **more)}}


@case("kubernetes-workload-is-not-root")
def root_deployment(n: str, *, ok: bool) -> None:
    kubernetes.apps.v1.Deployment(n, spec=_template({}, security_context={"run_as_non_root": ok}))


@case("kubernetes-workload-is-not-root")
def root_container(n: str, *, ok: bool) -> None:
    own = {"security_context": {"run_as_non_root": ok}}
    kubernetes.apps.v1.StatefulSet(n, spec=_template(own, security_context={"run_as_non_root": True}))


@case("kubernetes-container-cannot-gain-privileges")
def escalation(n: str, *, ok: bool) -> None:
    context = {"allow_privilege_escalation": not ok, "capabilities": {"drop": ["ALL"]}}
    kubernetes.core.v1.Pod(n, spec=_pod({"security_context": context}))


@case("kubernetes-container-cannot-gain-privileges")
def capabilities(n: str, *, ok: bool) -> None:
    context = {"allow_privilege_escalation": False, "capabilities": {"drop": ["ALL" if ok else "NET_RAW"]}}
    kubernetes.apps.v1.DaemonSet(n, spec=_template({"security_context": context}))


@case("kubernetes-container-root-is-read-only")
def read_only_workload(n: str, *, ok: bool) -> None:
    pods = _pod({"security_context": {"read_only_root_filesystem": ok}})
    kubernetes.batch.v1.Job(n, spec={"template": {"spec": pods}})


@case("kubernetes-container-has-limits")
def limits(n: str, *, ok: bool) -> None:
    requests = {"cpu": "500m", "memory": "1Gi"}
    resources = {"requests": requests, "limits": {"memory" if ok else "cpu": "1"}}
    pods = _pod({"resources": resources})
    kubernetes.batch.v1.CronJob(n, spec={"schedule": "@daily", "job_template": {"spec": {"template": {"spec": pods}}}})


@case("kubernetes-pod-shares-nothing-with-host")
def host(n: str, *, ok: bool) -> None:
    kubernetes.apps.v1.Deployment(n, spec=_template({}, host_network=not ok))


@case("kubernetes-pod-shares-nothing-with-host")
def host_folder(n: str, *, ok: bool) -> None:
    folder: dict[str, Any] = {"empty_dir": {}} if ok else {"host_path": {"path": "/var"}}
    kubernetes.apps.v1.Deployment(n, spec=_template({}, volumes=[{"name": "v", **folder}]))


@case("kubernetes-pod-shares-nothing-with-host")
def host_port(n: str, *, ok: bool) -> None:
    port = {"container_port": 80} if ok else {"container_port": 80, "host_port": 80}
    kubernetes.apps.v1.Deployment(n, spec=_template({"ports": [port]}))


@case("kubernetes-image-is-pinned")
def image_of_workload(n: str, *, ok: bool) -> None:
    kubernetes.core.v1.Pod(
        n, spec=_pod({"image": "registry.example:5000/worker:1.2" if ok else "registry:5000/worker"})
    )


@case("kubernetes-image-is-pinned")
def latest_image(n: str, *, ok: bool) -> None:
    kubernetes.core.v1.Pod(n, spec=_pod({"image": PINNED if ok else "worker:latest"}))


@case("kubernetes-token-is-not-mounted")
def token(n: str, *, ok: bool) -> None:
    kubernetes.apps.v1.Deployment(n, spec=_template({}, automount_service_account_token=None if not ok else False))


def _application(n: str, *, finalizers: list[str] | None = None, **source: str) -> None:
    spec = {"project": "p", "source": {"repoURL": "https://git.example/r", "targetRevision": "main", **source}}
    kubernetes.apiextensions.CustomResource(
        n,
        api_version="argoproj.io/v1alpha1",
        kind="Application",
        metadata={"name": "worker", "finalizers": finalizers},
        spec=spec,
    )


@case("kubernetes-application-source-has-tls")
def application_source(n: str, *, ok: bool) -> None:
    _application(n, repoURL="https://git.example/r" if ok else "http://git.example/r")


@case("kubernetes-application-names-its-revision")
def application_revision(n: str, *, ok: bool) -> None:
    _application(n, targetRevision="v1.2" if ok else "HEAD")


@case("kubernetes-application-is-deleted-with-its-resources")
def application_finalizer(n: str, *, ok: bool) -> None:
    _application(n, finalizers=["resources-finalizer.argocd.argoproj.io"] if ok else None)
