"""The compute eks by the real engine: a switch to it and back, changes of the cluster, and the order of a destroy."""

from collections.abc import Mapping

import pytest

from local.engine.pulumi_cli.stacks import EngineStack, Run
from tests.support.deployment.eks_changes import CHANGES, EKS
from tests.support.deployment.engine_project import Project, kept, lost_data

LAST_TO_FIRST = (
    ("deploy-network", "aws:ec2/subnet:Subnet"),
    ("deploy-cluster", "aws:eks/cluster:Cluster"),
    ("deploy-cluster-nodes", "aws:eks/nodeGroup:NodeGroup"),
    ("deploy-worker", "aws:eks/podIdentityAssociation:PodIdentityAssociation"),
    ("deploy-argo", "kubernetes:helm.sh/v3:Release"),
    ("deploy-keda", "kubernetes:argoproj.io/v1alpha1:Application"),
    ("deploy-worker", "kubernetes:argoproj.io/v1alpha1:Application"),
)
"""What each of them needs until it is deleted stands before it."""


@pytest.fixture(scope="module")
def stack(project: Project) -> EngineStack:
    return project.stack("dev")


@pytest.fixture(scope="module")
def before(stack: EngineStack) -> Mapping[str, str]:
    """What holds data with the compute lambda."""
    stack.up()
    return kept(stack)


@pytest.fixture(scope="module")
def deployed(project: Project, stack: EngineStack, before: Mapping[str, str]) -> Run:
    """The switch to eks."""
    assert before
    project.configure("dev", **EKS)
    return stack.up()


def check_order(run: Run) -> None:
    deleted = [(step.name, step.type) for step in run.steps if step.operation == "delete"]
    places = [
        [number for number, (name, kind) in enumerate(deleted) if kind == which and name.startswith(begin)]
        for begin, which in LAST_TO_FIRST
        if which != "aws:ec2/subnet:Subnet"
    ]
    subnets = [
        number for number, (name, kind) in enumerate(deleted) if kind == "aws:ec2/subnet:Subnet" and "-private-" in name
    ]

    assert all(places)
    assert subnets
    for later, sooner in zip([subnets, *places], places, strict=False):
        assert max(sooner) < min(later)


def test_a_switch_to_eks_replaces_nothing_that_holds_data(
    stack: EngineStack, before: Mapping[str, str], deployed: Run
) -> None:
    assert lost_data(deployed) == set()
    assert kept(stack) == before
    assert stack.outputs()["processorRole"].value.startswith("deploy-worker")
    assert stack.preview().operations() == {}


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("change", CHANGES)
def test_no_change_of_a_setting_replaces_the_cluster(project: Project, stack: EngineStack, change: str) -> None:
    config = project.config("dev")
    project.configure("dev", **CHANGES[change])
    try:
        run = stack.preview()
    finally:
        project.write_config("dev", config)

    of_cluster = {step.operation for step in run.steps if step.type == "aws:eks/cluster:Cluster"}
    assert run.operations()
    assert of_cluster <= {"same", "update"}
    assert lost_data(run) == set()


@pytest.mark.usefixtures("deployed")
def test_a_switch_back_deletes_in_order_and_so_does_a_destroy(
    project: Project, stack: EngineStack, before: Mapping[str, str]
) -> None:
    config = project.config("dev")
    project.configure("dev", compute="lambda")
    back = stack.up()

    assert lost_data(back) == set()
    assert kept(stack) == before
    check_order(back)

    project.write_config("dev", config)
    stack.up()
    check_order(stack.destroy())
    assert project.emulator.client("eks").list_clusters()["clusters"] == []
