"""What Git has of the worker, as Argo CD renders it with what the Application hands over."""

import importlib
import shlex
from functools import cache
from typing import Any

import pytest
import yaml

from components.arguments.eks_argo_deploy import KUBERNETES_VERSION
from components.arguments.eks_compute import EksComputeArgs
from components.arguments.shared import JobArgs
from components.eks import WORKER_NAMESPACE
from components.eks.application import (
    KEDA,
    KEDA_SERVICE_ACCOUNT,
    Application,
    WorkerParameters,
    keda_application,
    worker_application,
)
from handlers.domain.slots import slots_of
from handlers.entries.worker import HAND_BACK_SECONDS, POLL_SECONDS
from handlers.entries.worker_health import STALE_AFTER_SECONDS
from handlers.processors import JOB_VARIABLES, WORKER_VARIABLES
from local.argo_cd import Manifest, built, only, rendered, variables
from tests.support.manifests import custom_resources
from tests.support.paths import GITOPS, OVERLAYS, PROJECT

kubernetes_validate: Any = importlib.import_module("kubernetes_validate")  # it has no types
IMAGES = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/uploads-worker"
QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/uploads"
ROLE_ARN = "arn:aws:iam::123456789012:role/worker"
ENVIRONMENT = {
    **{name: f"the {name} of the pipeline" for name in sorted(JOB_VARIABLES)},
    "THUMBNAIL_EDGE": "256",
    "WORKER_JOB_MEMORY_MB": "512",
    "WORKER_JOB_SECONDS": "300",
    "LOG_LEVEL": "INFO",
}

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def application(overlay: str) -> Application:
    return worker_application(
        WorkerParameters(
            queue_url=QUEUE_URL,
            region="eu-central-1",
            image_repository=IMAGES,
            environment=ENVIRONMENT,
            repository_url="https://github.com/team/uploads.git",
            path=f"gitops/overlays/{overlay}",
            service_account_role_arn=ROLE_ARN,
        )
    )


@cache
def in_git(overlay: str) -> list[Manifest]:
    return built(GITOPS / "overlays" / overlay)


@pytest.fixture(scope="module")
def synced() -> dict[str, list[Manifest]]:
    return {each: rendered(application(each)) for each in OVERLAYS}


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    return only(manifests, "Deployment")["spec"]["template"]["spec"]


def container(manifests: list[Manifest]) -> dict[str, Any]:
    (found,) = pod(manifests)["containers"]
    return found


def settings_of(overlay: str) -> dict[str, Any]:
    return yaml.safe_load((PROJECT / f"Pulumi.{overlay}.yaml").read_text(encoding="utf-8"))["config"]


def check(manifest: Manifest) -> None:
    if manifest["kind"] in custom_resources.KINDS:
        custom_resources.validate(manifest)
    else:
        kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)


class TestTheCluster:
    @each_overlay
    def test_accepts_all_of_an_overlay(self, synced: dict[str, list[Manifest]], overlay: str) -> None:
        for manifest in synced[overlay]:
            check(manifest)
        assert sorted(each["kind"] for each in synced[overlay]) == [
            "ConfigMap",
            "Deployment",
            "Namespace",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "ScaledObject",
            "ServiceAccount",
            "TriggerAuthentication",
        ]

    @pytest.mark.parametrize("made", [application("dev"), keda_application()], ids=["worker", "keda"])
    def test_accepts_the_applications(self, made: Application) -> None:
        check(dict(made))

    @pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "Application"])
    def test_would_reject_an_unknown_field(self, synced: dict[str, list[Manifest]], kind: str) -> None:
        manifest = only([*synced["dev"], dict(application("dev"))], kind)
        with pytest.raises(Exception, match="replica_count"):
            check({**manifest, "spec": {**manifest["spec"], "replica_count": 1}})

    @pytest.mark.parametrize("kind", custom_resources.KINDS)
    def test_has_schemas_of_the_versions_that_are_pinned(self, kind: str) -> None:
        assert custom_resources.source_of(kind) == custom_resources.expected_source_of(kind)


class TestTheApplicationsParameters:
    @each_overlay
    def test_reach_the_worker_s_environment(self, synced: dict[str, list[Manifest]], overlay: str) -> None:
        found = variables(synced[overlay])
        handed_over = {"QUEUE_URL": QUEUE_URL, "AWS_DEFAULT_REGION": "eu-central-1", "IMAGE_REPOSITORY": IMAGES}
        own = {name: found.pop(name) for name in ("WORKER_MEMORY_MB", "WORKER_STOP_SECONDS")}
        assert found == {**ENVIRONMENT, **handed_over}
        assert own.keys() | found.keys() >= JOB_VARIABLES | WORKER_VARIABLES

    def test_leave_the_memory_of_a_worker_to_its_limit(self, synced: dict[str, list[Manifest]]) -> None:
        memory = {each: variables(manifests)["WORKER_MEMORY_MB"] for each, manifests in synced.items()}
        assert memory == {"dev": "2048", "staging": "2048", "prod": "4096"}

    @each_overlay
    def test_name_the_repository_of_the_image_and_git_its_digest(
        self, synced: dict[str, list[Manifest]], overlay: str
    ) -> None:
        digest = container(in_git(overlay))["image"].partition("@")[2]
        assert digest.startswith("sha256:")
        assert container(synced[overlay])["image"] == f"{IMAGES}@{digest}"

    @each_overlay
    def test_reach_the_trigger(self, synced: dict[str, list[Manifest]], overlay: str) -> None:
        (trigger,) = only(synced[overlay], "ScaledObject")["spec"]["triggers"]
        assert trigger["metadata"]["queueURL"] == QUEUE_URL
        assert trigger["metadata"]["awsRegion"] == "eu-central-1"

    @each_overlay
    def test_name_the_namespace(self, synced: dict[str, list[Manifest]], overlay: str) -> None:
        places = {each["metadata"].get("namespace") or each["metadata"]["name"] for each in synced[overlay]}
        assert places == {WORKER_NAMESPACE}

    def test_give_the_service_account_its_role(self, synced: dict[str, list[Manifest]]) -> None:
        account = only(synced["dev"], "ServiceAccount")
        assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE_ARN}

    def test_replace_the_pods_when_one_changes(self, synced: dict[str, list[Manifest]]) -> None:
        names = [only(each, "ConfigMap")["metadata"]["name"] for each in (synced["dev"], in_git("dev"))]
        assert len(set(names)) == 2

    def test_are_not_in_git(self) -> None:
        text = "".join(path.read_text(encoding="utf-8") for path in GITOPS.rglob("*.yaml"))
        assert "amazonaws.com/" not in text
        assert "arn:aws" not in text


class TestThePod:
    @each_overlay
    def test_passes_the_restricted_standard_that_its_namespace_enforces(self, overlay: str) -> None:
        manifests = in_git(overlay)
        labels = only(manifests, "Namespace")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        security = pod(manifests)["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container(manifests)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }

    def test_is_the_user_of_the_image_with_its_folder_for_workspaces(self) -> None:
        lines = [line.split(maxsplit=1) for line in (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines()]
        said = {line[0]: line[1] for line in lines if len(line) == 2}
        assert pod(in_git("dev"))["securityContext"]["runAsUser"] == int(said["USER"])
        assert container(in_git("dev"))["volumeMounts"] == [{"name": "workspaces", "mountPath": said["VOLUME"]}]

    def test_is_checked_as_the_image_says(self) -> None:
        (line,) = [
            line for line in (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines() if "HEALTHCHECK" in line
        ]
        command = yaml.safe_load(line.partition("CMD ")[2])
        for probe in ("startupProbe", "livenessProbe"):
            assert container(in_git("dev"))[probe]["exec"]["command"] == command, shlex.join(command)

    def test_is_not_restarted_before_a_slot_counts_as_stale(self) -> None:
        startup = container(in_git("dev"))["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= STALE_AFTER_SECONDS

    @each_overlay
    def test_has_time_to_hand_back_its_jobs(self, overlay: str) -> None:
        stop = float(variables(in_git(overlay))["WORKER_STOP_SECONDS"])
        assert stop > POLL_SECONDS + HAND_BACK_SECONDS
        assert pod(in_git(overlay))["terminationGracePeriodSeconds"] >= stop + POLL_SECONDS

    @each_overlay
    def test_has_memory_for_a_job_of_the_stack(self, overlay: str) -> None:
        memory = int(variables(in_git(overlay))["WORKER_MEMORY_MB"])
        assert (
            slots_of(memory, settings_of(overlay).get("processingMemoryMb", JobArgs.declared["memory_mb"].default)) >= 1
        )

    @each_overlay
    def test_requests_what_it_may_use_of_memory(self, overlay: str) -> None:
        resources = container(in_git(overlay))["resources"]
        assert resources["requests"]["memory"] == resources["limits"]["memory"]
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory", "ephemeral-storage"}


class TestTheNumberOfPods:
    @each_overlay
    def test_is_keda_s_alone(self, overlay: str) -> None:
        assert "replicas" not in only(in_git(overlay), "Deployment")["spec"]
        scaled = only(in_git(overlay), "ScaledObject")["spec"]
        assert scaled["scaleTargetRef"] == {"name": only(in_git(overlay), "Deployment")["metadata"]["name"]}
        assert 0 <= scaled["minReplicaCount"] < scaled["maxReplicaCount"]
        assert scaled["minReplicaCount"] <= scaled["fallback"]["replicas"] <= scaled["maxReplicaCount"]

    def test_follows_the_queue_as_keda_s_own_identity_sees_it(self) -> None:
        (trigger,) = only(in_git("dev"), "ScaledObject")["spec"]["triggers"]
        authentication = only(in_git("dev"), "TriggerAuthentication")
        assert trigger["type"] == "aws-sqs-queue"
        assert trigger["authenticationRef"] == {"name": authentication["metadata"]["name"]}
        assert authentication["spec"] == {"podIdentity": {"provider": "aws", "identityOwner": "keda"}}
        destination = keda_application()["spec"]["destination"]
        assert (destination["namespace"], KEDA_SERVICE_ACCOUNT) == (KEDA, "keda-operator")

    def test_is_synced_after_the_pods_and_where_keda_is_not_there_yet(self) -> None:
        for kind in ("ScaledObject", "TriggerAuthentication"):
            assert only(in_git("dev"), kind)["metadata"]["annotations"] == {
                "argocd.argoproj.io/sync-wave": "1",
                "argocd.argoproj.io/sync-options": "SkipDryRunOnMissingResource=true",
            }

    @each_overlay
    def test_runs_no_more_jobs_than_the_stack_expects(self, overlay: str) -> None:
        config = settings_of(overlay)
        slots = slots_of(
            int(variables(in_git(overlay))["WORKER_MEMORY_MB"]),
            config.get("processingMemoryMb", JobArgs.declared["memory_mb"].default),
        )
        pods = only(in_git(overlay), "ScaledObject")["spec"]["maxReplicaCount"]
        assert pods * slots <= config.get("eksJobsAtOnce", EksComputeArgs.declared["eks_jobs_at_once"].default)


class TestTheNetwork:
    def test_lets_nothing_in(self) -> None:
        policy = only(in_git("dev"), "NetworkPolicy")["spec"]
        assert (
            policy["podSelector"]["matchLabels"] == only(in_git("dev"), "Deployment")["spec"]["selector"]["matchLabels"]
        )
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["ingress"] == []

    def test_lets_out_dns_https_and_the_requests_for_credentials(self) -> None:
        rules = only(in_git("dev"), "NetworkPolicy")["spec"]["egress"]
        allowed = {
            (port["protocol"], port["port"], place.get("ipBlock", {}).get("cidr"))
            for rule in rules
            for port in rule["ports"]
            for place in rule.get("to", [{}])
        }
        assert allowed == {
            ("UDP", 53, None),
            ("TCP", 53, None),
            ("TCP", 443, None),
            ("TCP", 80, "169.254.170.23/32"),
            ("TCP", 80, "fd00:ec2::23/128"),
        }


def test_pods_are_placed_on_both_architectures_and_spread_over_zones_and_nodes() -> None:
    terms = pod(in_git("prod"))["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (expressions,) = [each["matchExpressions"] for each in terms["nodeSelectorTerms"]]
    assert {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64", "amd64"]} in expressions
    assert [each["topologyKey"] for each in pod(in_git("prod"))["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]


def test_each_stack_has_its_overlay() -> None:
    stacks = {path.stem.removeprefix("Pulumi.") for path in PROJECT.glob("Pulumi.*.yaml")} - {"local"}
    assert set(OVERLAYS) == stacks == {path.name for path in (GITOPS / "overlays").iterdir()}
