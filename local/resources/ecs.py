"""ECS clusters, task definitions and services."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list

_TAGS = tag_list("tags", "key", "value")


def _containers(document: Given) -> Mapping[str, Any]:
    """Containers are JSON text in the provider, and a list in the API."""
    try:
        containers: object = json.loads(document.value)
    except (TypeError, ValueError) as error:
        raise document.refuse(f"must be a JSON document ({error})") from error
    if not isinstance(containers, list):
        raise document.refuse("must be a JSON list of containers")
    return {"containerDefinitions": replace(document, value=containers)}


def _public_ip(flag: Given) -> Mapping[str, Any]:
    return {"assignPublicIp": "ENABLED" if flag.value else "DISABLED"}


def _cluster(made: Made) -> str:
    return made.account.arn("ecs", f"cluster/{made.inputs['name']}")


def _task_definition(made: Made) -> Mapping[str, Any]:
    registered = made.responses["RegisterTaskDefinition"]["taskDefinition"]
    arn: str = registered["taskDefinitionArn"]
    return {"arn": arn, "arnWithoutRevision": arn.rpartition(":")[0], "revision": registered["revision"]}


def _of_service(made: Made) -> Mapping[str, Any]:
    return {"cluster": made.inputs["cluster"], "service": made.inputs["name"]}


_CHANGEABLE = {
    "capacityProviderStrategies": "capacityProviderStrategy",
    "deploymentCircuitBreaker": "deploymentConfiguration.deploymentCircuitBreaker",
    "deploymentMaximumPercent": "deploymentConfiguration.maximumPercent",
    "deploymentMinimumHealthyPercent": "deploymentConfiguration.minimumHealthyPercent",
    "networkConfiguration": "networkConfiguration.awsvpcConfiguration",
    "networkConfiguration.assignPublicIp": _public_ip,
}

TABLE = {
    "aws:ecs/cluster:Cluster": Row(
        service="ecs",
        create=Call(operation="CreateCluster", moves={"name": "clusterName", "tags": _TAGS}),
        update=(Call(operation="UpdateCluster", also=lambda made: {"cluster": made.inputs["name"]}),),
        replace_on=("name",),
        delete=Call(operation="DeleteCluster", moves={"name": "cluster"}),
        id=_cluster,
        outputs=lambda made: {"arn": _cluster(made)},
        autoname=Autoname(limit=255),
        not_emulated={"settings": "there are no metrics of containers"},
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": Row(
        service="ecs",
        create=Call(
            operation="PutClusterCapacityProviders",
            moves={
                "clusterName": "cluster",
                "defaultCapacityProviderStrategies": "defaultCapacityProviderStrategy",
            },
            also=lambda _: {"defaultCapacityProviderStrategy": []},
        ),
        repeatable=True,
        replace_on=("clusterName",),
        delete=Call(
            operation="PutClusterCapacityProviders",
            moves={"clusterName": "cluster"},
            also=lambda _: {"capacityProviders": [], "defaultCapacityProviderStrategy": []},
        ),
        id=by("clusterName"),
        not_emulated={"": "containers run as processes on this machine"},
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Row(
        service="ecs",
        create=Call(
            operation="RegisterTaskDefinition",
            moves={"containerDefinitions": _containers, "tags": _TAGS},
        ),
        replace_on=(
            "containerDefinitions",
            "cpu",
            "ephemeralStorage",
            "executionRoleArn",
            "family",
            "memory",
            "networkMode",
            "requiresCompatibilities",
            "runtimePlatform",
            "taskRoleArn",
            "volumes",
        ),
        delete=Call(operation="DeregisterTaskDefinition", also=lambda made: {"taskDefinition": made.id}),
        id=lambda made: made.responses["RegisterTaskDefinition"]["taskDefinition"]["taskDefinitionArn"],
        outputs=_task_definition,
        provider_only={
            "skipDestroy": "leaves the revision behind when the resource is deleted",
            "trackLatest": "compares with the latest revision",
        },
        not_emulated={
            "cpu": "containers run as processes on this machine",
            "ephemeralStorage": "they share this machine's disk",
        },
    ),
    "aws:ecs/service:Service": Row(
        service="ecs",
        create=Call(operation="CreateService", moves={"name": "serviceName", "tags": _TAGS, **_CHANGEABLE}),
        update=(
            Call(
                operation="UpdateService",
                moves={**_CHANGEABLE, "cluster": "cluster", "name": "service"},
                also=_of_service,
            ),
        ),
        replace_on=("cluster", "launchType", "name", "schedulingStrategy"),
        delete=Call(
            operation="DeleteService",
            moves={"cluster": "cluster", "name": "service"},
            also=lambda _: {"force": True},
        ),
        id=lambda made: made.responses["CreateService"]["service"]["serviceArn"],
        outputs=lambda made: {"arn": made.id},
        autoname=Autoname(limit=255),
        provider_only={
            "waitForSteadyState": "waits until the tasks run",
            "forceNewDeployment": "starts the tasks again",
        },
        not_emulated={
            "capacityProviderStrategies": "containers run as processes on this machine",
            "deploymentCircuitBreaker": "a deployment that fails is not rolled back",
            "networkConfiguration": "processes run outside of the network",
        },
    ),
}
