"""EKS clusters and what belongs to them. MiniStack records them."""

from collections.abc import Callable, Mapping
from typing import Any

from local.resources.parameters import Given
from local.resources.rows import Autoname, Call, Made, Row

_NO_NODES = {"": "a cluster is recorded: what Argo CD keeps running on it is a process on this machine"}


_Read = Callable[[Made], Mapping[str, Any]]


def _ids(*names: str) -> Callable[[Made], str]:
    return lambda made: ":".join(made.inputs[name] for name in names)


def _arn(noun: str) -> _Read:
    return lambda made: {"arn": made.account.arn("eks", f"{noun}/{made.id.replace(':', '/')}")}


def _of(*names: str) -> _Read:
    """Return the inputs that name a resource, for its other operations."""
    return lambda made: {name: made.inputs[name] for name in names}


def _of_group(made: Made) -> Mapping[str, Any]:
    return {"clusterName": made.inputs["clusterName"], "nodegroupName": made.inputs["nodeGroupName"]}


def _of_association(made: Made) -> Mapping[str, Any]:
    return {"clusterName": made.inputs["clusterName"], "associationId": made.id}


def _logs(types: Given) -> Mapping[str, Any]:
    return {"logging": {"clusterLogging": [{"types": types, "enabled": True}]}}


def _cluster(made: Made) -> Mapping[str, Any]:
    found = made.account.client("eks").describe_cluster(name=made.inputs["name"])["cluster"]
    network = found["resourcesVpcConfig"]
    return {
        "arn": found["arn"],
        "clusterId": found["name"],
        "endpoint": f"{made.account.endpoint}/kubernetes/{found['name']}",
        "certificateAuthority": {"data": found["certificateAuthority"]["data"]},
        "identities": [{"oidcs": [{"issuer": found["identity"]["oidc"]["issuer"].replace("http://", "https://")}]}],
        "status": "ACTIVE",
        "vpcConfig": {
            **made.inputs["vpcConfig"],
            "clusterSecurityGroupId": network["clusterSecurityGroupId"],
            "vpcId": network["vpcId"],
        },
    }


_IN_PLACE = {"vpcConfig": "resourcesVpcConfig", "enabledClusterLogTypes": _logs}
_GROUP = {"nodeGroupName": "nodegroupName", "nodeRoleArn": "nodeRole", "subnetIds": "subnets"}
_ON_UPDATE = "resolveConflictsOnUpdate"


def _resolve(made: Made) -> Mapping[str, Any]:
    resolve = made.inputs.get(_ON_UPDATE)
    return {**_of("clusterName", "addonName")(made), **({"resolveConflicts": resolve} if resolve else {})}


TABLE = {
    "aws:eks/cluster:Cluster": Row(
        service="eks",
        create=Call(operation="CreateCluster", moves={**_IN_PLACE, "encryptionConfig": "encryptionConfig[]"}),
        update=(
            Call(operation="UpdateClusterConfig", moves=_IN_PLACE, also=_of("name")),
            Call(operation="UpdateClusterVersion", moves={"version": "version"}, also=_of("name")),
        ),
        changing=frozenset({"vpcConfig"}),
        replace_on=("bootstrapSelfManagedAddons", "encryptionConfig", "name", "roleArn"),
        delete=Call(operation="DeleteCluster", also=_of("name")),
        id=_ids("name"),
        outputs=_cluster,
        autoname=Autoname(limit=100),
        not_emulated=_NO_NODES,
    ),
    "aws:eks/nodeGroup:NodeGroup": Row(
        service="eks",
        create=Call(operation="CreateNodegroup", moves=_GROUP),
        update=(
            Call(
                operation="UpdateNodegroupConfig",
                moves={name: name for name in ("scalingConfig", "updateConfig", "nodeRepairConfig")},
                also=_of_group,
            ),
            Call(
                operation="UpdateNodegroupVersion",
                moves={name: name for name in ("version", "launchTemplate")},
                also=_of_group,
            ),
        ),
        replace_on=("amiType", "capacityType", "clusterName", "instanceTypes", *_GROUP, "launchTemplate.id"),
        delete=Call(
            operation="DeleteNodegroup",
            also=_of_group,
        ),
        id=_ids("clusterName", "nodeGroupName"),
        outputs=_arn("nodegroup"),
        autoname=Autoname(input="nodeGroupName", limit=63),
        not_emulated=_NO_NODES,
    ),
    "aws:eks/fargateProfile:FargateProfile": Row(
        service="eks",
        create=Call(operation="CreateFargateProfile", moves={"subnetIds": "subnets"}),
        replace_on=("clusterName", "fargateProfileName", "podExecutionRoleArn", "selectors", "subnetIds"),
        delete=Call(operation="DeleteFargateProfile", also=_of("clusterName", "fargateProfileName")),
        id=_ids("clusterName", "fargateProfileName"),
        outputs=_arn("fargateprofile"),
        autoname=Autoname(input="fargateProfileName", limit=100),
        is_called=False,
        not_emulated=_NO_NODES,
    ),
    "aws:eks/addon:Addon": Row(
        service="eks",
        create=Call(operation="CreateAddon", moves={"resolveConflictsOnCreate": "resolveConflicts"}),
        update=(
            Call(
                operation="UpdateAddon",
                moves={name: name for name in ("addonVersion", "configurationValues", "podIdentityAssociations")},
                also=_resolve,
            ),
        ),
        replace_on=("addonName", "clusterName"),
        delete=Call(operation="DeleteAddon", also=_of("clusterName", "addonName")),
        id=_ids("clusterName", "addonName"),
        outputs=_arn("addon"),
        provider_only={_ON_UPDATE: "sent with each update"},
        not_emulated=_NO_NODES,
    ),
    "aws:eks/accessEntry:AccessEntry": Row(
        service="eks",
        create=Call(operation="CreateAccessEntry"),
        replace_on=("clusterName", "principalArn"),
        delete=Call(operation="DeleteAccessEntry", also=_of("clusterName", "principalArn")),
        id=_ids("clusterName", "principalArn"),
        not_emulated={"": "the API of the cluster on this machine checks no access"},
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Row(
        service="eks",
        create=Call(operation="AssociateAccessPolicy"),
        repeatable=True,
        replace_on=("clusterName", "policyArn", "principalArn"),
        delete=Call(operation="DisassociateAccessPolicy", also=_of("clusterName", "principalArn", "policyArn")),
        id=lambda made: "#".join(made.inputs[name] for name in ("clusterName", "principalArn", "policyArn")),
        not_emulated={"": "the API of the cluster on this machine checks no access"},
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Row(
        service="eks",
        create=Call(operation="CreatePodIdentityAssociation"),
        update=(
            Call(
                operation="UpdatePodIdentityAssociation",
                moves={"roleArn": "roleArn"},
                also=_of_association,
            ),
        ),
        replace_on=("clusterName", "namespace", "serviceAccount"),
        delete=Call(
            operation="DeletePodIdentityAssociation",
            also=_of_association,
        ),
        id=lambda made: made.responses["CreatePodIdentityAssociation"]["association"]["associationId"],
        outputs=lambda made: {
            "associationId": made.id,
            "associationArn": made.account.arn("eks", f"podidentityassociation/{made.inputs['clusterName']}/{made.id}"),
        },
    ),
    "aws:eks/capability:Capability": Row(
        service="eks",
        create=Call(operation="CreateCapability"),
        update=(
            Call(
                operation="UpdateCapability",
                moves={"roleArn": "roleArn"},
                also=_of("clusterName", "capabilityName"),
            ),
        ),
        replace_on=("capabilityName", "clusterName", "configuration", "type"),
        delete=Call(operation="DeleteCapability", also=_of("clusterName", "capabilityName")),
        id=_ids("clusterName", "capabilityName"),
        outputs=_arn("capability"),
        is_called=False,
        not_emulated={"": "the API of the cluster on this machine runs what an Application names"},
    ),
}
