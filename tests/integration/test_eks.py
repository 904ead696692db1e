"""The compute eks: the worker of Git, with what the infrastructure hands over and the role of its service account."""

import json

import pytest

from local import argo_cd
from local.engine import kubernetes
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System, User
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant


@pytest.fixture(scope="module")
def eks_system(deploy_with: DeployWith) -> System:
    return deploy_with(
        "eks",
        compute="eks",
        imageRepository=True,
        eksGitRepositoryUrl="https://github.com/example/portage.git",
        processor="team_processor.process",
        processorCode=str(TEAM_CODE),
        processingMaxConcurrency=0,
        processingTimeoutSeconds=10,
    )


@pytest.fixture(scope="module")
def sender(eks_system: System) -> User:
    return eks_system.new_user()


def test_a_pod_processes_an_upload_with_the_role_of_its_service_account(eks_system: System, sender: User) -> None:
    upload_id = eks_system.send(sender, b"12345")
    upload = eks_system.await_status(sender, upload_id, "completed", "failed")

    assert upload["status"] == "completed", str(upload)
    stored = eks_system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    assert json.load(stored["Body"])


def test_what_argo_cd_renders_has_the_parameters_of_this_deployment(eks_system: System) -> None:
    outputs = eks_system.outputs
    application = kubernetes.application(eks_system.emulator.endpoint, outputs["clusterName"], "worker")
    manifests = argo_cd.rendered(application)
    variables = argo_cd.variables(manifests)
    (trigger,) = argo_cd.only(manifests, "ScaledObject")["spec"]["triggers"]

    assert variables["QUEUE_URL"] == trigger["metadata"]["queueURL"] == outputs["queueUrl"]
    assert variables["UPLOADS_TABLE"] == outputs["uploadsTable"]
    assert variables["PROCESSOR"] == "team_processor.process"
    (container,) = argo_cd.only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith(f"{outputs['imageRepositoryUrl']}@sha256:")


def test_worker_and_keda_have_identities_of_their_own(eks_system: System) -> None:
    eks = eks_system.emulator.client("eks")
    found = eks.list_pod_identity_associations(clusterName=eks_system.outputs["clusterName"])["associations"]

    assert {(each["namespace"], each["serviceAccount"]) for each in found} == {
        ("portage", "worker"),
        ("keda", "keda-operator"),
    }
    iam = eks_system.emulator.client("iam")
    assert iam.get_role(RoleName=eks_system.outputs["processorRole"])["Role"]["RoleName"].startswith("deploy-worker")
