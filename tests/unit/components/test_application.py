"""The Applications that Argo CD keeps: where each is, what it is given, and how it is synced."""

import json
from typing import Any

import pytest
import yaml

from components.eks import WORKER_NAMESPACE
from components.eks.application import (
    ARGO_NAMESPACE,
    KEDA_VERSION,
    THIS_CLUSTER,
    Application,
    WorkerParameters,
    keda_application,
    worker_application,
)

QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/uploads"
IMAGES = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/worker"
CLUSTER_ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/uploads"


def parameters(**more: Any) -> WorkerParameters:
    usual: dict[str, Any] = {
        "queue_url": QUEUE_URL,
        "region": "eu-central-1",
        "image_repository": IMAGES,
        "environment": {"UPLOADS_TABLE": "uploads", "WORKER_JOB_MEMORY_MB": "512"},
        "repository_url": "https://github.com/team/uploads.git",
        "path": "gitops/overlays/dev",
    }
    return WorkerParameters(**{**usual, **more})


def patches(application: Application) -> dict[str, Any]:
    assert "kustomize" in application["spec"]["source"]
    return {
        each["target"]["kind"]: json.loads(each["patch"])
        for each in application["spec"]["source"]["kustomize"]["patches"]
    }


class TestTheWorker:
    def test_gets_its_manifests_from_git_at_a_revision(self) -> None:
        source = worker_application(parameters(revision="v7"))["spec"]["source"]
        assert {name: value for name, value in source.items() if name != "kustomize"} == {
            "repoURL": "https://github.com/team/uploads.git",
            "path": "gitops/overlays/dev",
            "targetRevision": "v7",
        }
        assert "kustomize" in source
        assert source["kustomize"]["namespace"] == WORKER_NAMESPACE

    def test_is_handed_what_the_infrastructure_knows(self) -> None:
        assert patches(worker_application(parameters())) == {
            "ConfigMap": {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "worker-parameters"},
                "data": {
                    "UPLOADS_TABLE": "uploads",
                    "WORKER_JOB_MEMORY_MB": "512",
                    "QUEUE_URL": QUEUE_URL,
                    "AWS_DEFAULT_REGION": "eu-central-1",
                    "IMAGE_REPOSITORY": IMAGES,
                },
            }
        }

    @pytest.mark.parametrize("value", ["a 😀", "\\ud83d\\ude00", "a\\\\😀", '"a"\n\u2028b', "a: [b"])
    def test_is_handed_any_value_as_yaml_has_it(self, value: str) -> None:
        source = worker_application(parameters(environment={"A": value}))["spec"]["source"]
        assert "kustomize" in source
        (patch,) = source["kustomize"]["patches"]
        assert yaml.safe_load(patch["patch"])["data"]["A"] == value

    def test_is_the_same_text_in_any_order_of_variables(self) -> None:
        one, other = {"A": "1", "B": "2"}, {"B": "2", "A": "1"}
        assert worker_application(parameters(environment=one)) == worker_application(parameters(environment=other))

    def test_gets_a_role_by_its_service_account_where_there_is_no_agent(self) -> None:
        role = "arn:aws:iam::123456789012:role/worker"
        patch = patches(worker_application(parameters(service_account_role_arn=role)))["ServiceAccount"]
        assert patch["metadata"] == {"name": "worker", "annotations": {"eks.amazonaws.com/role-arn": role}}


def test_keda_is_a_chart_at_one_version_with_an_identity_of_its_own() -> None:
    source = keda_application(replicas=2)["spec"]["source"]
    assert (source["repoURL"], source["targetRevision"]) == ("https://kedacore.github.io/charts", KEDA_VERSION)
    assert source.get("chart") == "keda"
    assert "helm" in source
    assert source["helm"]["valuesObject"] == {
        "serviceAccount": {"operator": {"name": "keda-operator"}},
        "operator": {"replicaCount": 2},
        "metricsServer": {"replicaCount": 2},
        "permissions": {"operator": {"restrict": {"secret": True}}},
    }


def test_keda_keeps_the_certificate_that_it_writes_itself() -> None:
    spec = keda_application()["spec"]
    assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
    assert {(each["kind"], *each["jqPathExpressions"]) for each in spec.get("ignoreDifferences", [])} == {
        ("ValidatingWebhookConfiguration", ".webhooks[]?.clientConfig.caBundle"),
        ("APIService", ".spec.caBundle"),
    }


@pytest.mark.parametrize("application", [worker_application(parameters()), keda_application()], ids=["worker", "keda"])
class TestEach:
    def test_follows_git_by_itself_and_undoes_other_changes(self, application: Application) -> None:
        policy = application["spec"]["syncPolicy"]
        assert policy["automated"] == {"prune": True, "selfHeal": True}
        assert policy["retry"]["limit"] > 0

    def test_is_deleted_with_what_it_created(self, application: Application) -> None:
        metadata = application["metadata"]
        assert metadata["namespace"] == ARGO_NAMESPACE
        assert metadata["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]

    def test_is_deployed_to_the_cluster_of_argo_cd(self, application: Application) -> None:
        assert application["spec"]["destination"]["server"] == "https://kubernetes.default.svc"


def test_the_managed_argo_cd_differs_by_the_cluster_s_name_alone() -> None:
    managed, own = (
        json.dumps([worker_application(parameters(), cluster), keda_application(cluster)])
        for cluster in (CLUSTER_ARN, THIS_CLUSTER)
    )
    assert managed.count(CLUSTER_ARN) == 2
    assert managed.replace(CLUSTER_ARN, "https://kubernetes.default.svc") == own
