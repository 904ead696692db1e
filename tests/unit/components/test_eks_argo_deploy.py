"""EksArgoDeploy: the cluster in each mode, both Argo CDs, identities, and the order of a destroy."""

import json
from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest

from components.arguments.eks_argo_deploy import ADDON_VERSIONS
from components.eks.application import KEDA_SERVICE_ACCOUNT
from local.engine.built_in.program import Registration
from tests.support.components.examples import EKS_ARGO_DEPLOY, NAME, SUBNET_IDS
from tests.support.components.recording import ACCOUNT, PARTITION, REGION, Recording, physical, record, refusal, token

pytestmark = pytest.mark.variant

CLUSTER = f"{NAME}-cluster"
APPLICATION = "kubernetes:argoproj.io/v1alpha1:Application"
RELEASE = token(kubernetes.helm.v3.Release)
IDENTITY_CENTER = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
CAPABILITY = {"argo": "capability", "argo_identity_center_arn": IDENTITY_CENTER}
CLUSTER_ARN = f"arn:{PARTITION}:eks:{REGION}:{ACCOUNT}:cluster/{physical(CLUSTER)}"


@cache
def _recorded(given: str) -> Recording:
    return record(lambda: EKS_ARGO_DEPLOY.make(**json.loads(given)) and None)


def recorded(**given: Any) -> Recording:
    return _recorded(json.dumps(given))


def names(recording: Recording, kind: type[pulumi.CustomResource]) -> set[str]:
    return {each.name for each in recording.all(kind)}


def of(recording: Recording, kind: str, name: str) -> Registration:
    (only,) = [each for each in recording.registrations if (each.type, each.name) == (kind, name)]
    return only


def document(recording: Recording, name: str) -> list[dict[str, Any]]:
    return recording.json_input(aws.iam.RolePolicy, name, "policy")["Statement"]


def trust(recording: Recording, name: str) -> dict[str, Any]:
    (statement,) = recording.json_input(aws.iam.Role, name, "assumeRolePolicy")["Statement"]
    return statement


def attached(recording: Recording, role: str) -> set[str]:
    inputs = [each.inputs for each in recording.all(aws.iam.RolePolicyAttachment)]
    return {each["policyArn"].rpartition("/")[2] for each in inputs if each["role"] == physical(role)}


class TestTheCluster:
    def test_has_a_private_api_all_logs_encrypted_secrets_and_access_entries_alone(self) -> None:
        cluster = recorded().inputs(aws.eks.Cluster)

        assert cluster["vpcConfig"]["endpointPrivateAccess"] is True
        assert cluster["vpcConfig"]["endpointPublicAccess"] is False
        assert "publicAccessCidrs" not in cluster["vpcConfig"]
        assert set(cluster["enabledClusterLogTypes"]) == {
            *("api", "audit", "authenticator", "controllerManager", "scheduler")
        }
        assert cluster["encryptionConfig"]["resources"] == ["secrets"]
        assert cluster["accessConfig"]["authenticationMode"] == "API"
        assert cluster["deletionProtection"] is True
        assert recorded().only(aws.eks.Cluster).options.protect is True

    def test_can_be_deleted_where_the_stack_asks_for_it(self) -> None:
        recording = recorded(deletion_protection=False)

        assert recording.inputs(aws.eks.Cluster)["deletionProtection"] is False
        assert recording.only(aws.eks.Cluster).options.protect is None

    def test_can_be_reached_from_given_networks_alone(self) -> None:
        network = recorded(public_access_cidrs=["203.0.113.0/24"]).inputs(aws.eks.Cluster)["vpcConfig"]

        assert network["endpointPublicAccess"] is True
        assert network["publicAccessCidrs"] == ["203.0.113.0/24"]

    def test_its_logs_are_in_a_group_with_a_retention_that_exists_before_it(self) -> None:
        recording = recorded()
        group = recording.only(aws.cloudwatch.LogGroup, f"{NAME}-cluster-log")
        cluster = recording.only(aws.eks.Cluster)

        assert group.inputs["name"] == f"/aws/eks/{cluster.inputs['name']}/cluster"
        assert group.urn in cluster.options.depends_on

    @pytest.mark.parametrize("mode", ["managed-nodes", "fargate"])
    def test_changes_its_mode_in_place(self, mode: str) -> None:
        """EKS and the provider replace a cluster for these inputs, and for no other that is set here."""
        auto, other = recorded().inputs(aws.eks.Cluster), recorded(mode=mode).inputs(aws.eks.Cluster)

        for name in ("name", "roleArn", "bootstrapSelfManagedAddons", "accessConfig", "encryptionConfig"):
            assert auto[name] == other[name]
        assert auto["bootstrapSelfManagedAddons"] is False
        assert "serviceIpv4Cidr" not in auto["kubernetesNetworkConfig"]

    def test_keeps_its_key_because_another_would_replace_it(self) -> None:
        assert "encryptionConfig" in recorded().only(aws.eks.Cluster).options.ignore_changes

    def test_changes_its_version_and_its_nodes_without_another_change_of_the_cluster(self) -> None:
        before = recorded(mode="managed-nodes").inputs(aws.eks.Cluster)
        versions = {"coredns": "v9.9.9-eksbuild.9", "kube-proxy": "v9.9.9-eksbuild.9"}
        nodes = {"node_instance_types": ["m8g.xlarge"], "on_demand_nodes": 5, "spot_nodes": 1, "node_disk_gib": 99}
        after = recorded(mode="managed-nodes", kubernetes_version="1.35", addon_versions=versions, **nodes)

        assert after.inputs(aws.eks.Cluster) == {**before, "version": "1.35"}

    def test_lets_administrators_in_by_their_roles(self) -> None:
        role = "arn:aws:iam::123456789012:role/ci/The.Deployer"
        recording = recorded(admin_role_arns=[role])
        who = f"{CLUSTER}-admin-123456789012-the-deployer"

        assert recording.inputs(aws.eks.AccessEntry, who)["principalArn"] == role
        policy = recording.inputs(aws.eks.AccessPolicyAssociation, who)
        assert policy["policyArn"] == f"arn:{PARTITION}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        assert policy["accessScope"] == {"type": "cluster"}

    def test_is_not_made_where_one_is_named(self) -> None:
        recording = recorded(cluster_name="the-cluster")

        assert recording.all(aws.eks.Cluster) == []
        assert recording.all(aws.ec2.Vpc) == []
        association = recording.inputs(aws.eks.PodIdentityAssociation, f"{NAME}-worker")
        assert association["clusterName"] == "the-cluster"

    def test_is_in_given_subnets_without_a_network_of_its_own(self) -> None:
        recording = recorded(subnet_ids=SUBNET_IDS)

        assert recording.all(aws.ec2.Vpc) == []
        assert recording.inputs(aws.eks.Cluster)["vpcConfig"]["subnetIds"] == SUBNET_IDS

    @pytest.mark.parametrize(("per_zone", "gateways"), [(False, 1), (True, 3)])
    def test_reaches_git_and_registries_by_nat(self, *, per_zone: bool, gateways: int) -> None:
        assert len(recorded(nat_per_zone=per_zone).all(aws.ec2.NatGateway)) == gateways


class TestModes:
    def test_auto_has_its_own_nodes_and_add_ons(self) -> None:
        recording = recorded()
        cluster = recording.inputs(aws.eks.Cluster)

        assert cluster["computeConfig"]["enabled"] is True
        assert cluster["computeConfig"]["nodePools"] == ["general-purpose", "system"]
        assert cluster["kubernetesNetworkConfig"]["elasticLoadBalancing"]["enabled"] is True
        assert cluster["storageConfig"]["blockStorage"]["enabled"] is True
        assert attached(recording, CLUSTER) == {
            *("AmazonEKSClusterPolicy", "AmazonEKSBlockStoragePolicy", "AmazonEKSComputePolicy"),
            *("AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy"),
        }
        assert attached(recording, f"{CLUSTER}-auto-node-role") == {
            *("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
        }
        assert trust(recording, f"{CLUSTER}-auto-node-role")["Action"] == "sts:AssumeRole"
        assert recording.all(aws.eks.Addon) == recording.all(aws.eks.NodeGroup) == []

    def test_managed_nodes_are_groups_on_graviton_on_demand_and_spot(self) -> None:
        recording = recorded(mode="managed-nodes", spot_nodes=3)
        groups = {
            each.inputs["capacityType"]: each.inputs["scalingConfig"] for each in recording.all(aws.eks.NodeGroup)
        }

        assert groups == {
            "ON_DEMAND": {"minSize": 2, "desiredSize": 2, "maxSize": 2},
            "SPOT": {"minSize": 3, "desiredSize": 3, "maxSize": 3},
        }
        group = recording.inputs(aws.eks.NodeGroup, f"{CLUSTER}-nodes-spot")
        assert group["amiType"] == "AL2023_ARM_64_STANDARD"
        assert "nodeGroupName" not in group, "a group that is replaced needs another name"
        assert recording.inputs(aws.eks.Cluster)["computeConfig"] == {"enabled": False}
        assert attached(recording, CLUSTER) == {"AmazonEKSClusterPolicy"}
        assert attached(recording, f"{CLUSTER}-nodes-role") == {
            *("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
        }

    def test_a_pod_gets_no_credentials_of_its_node_and_disks_are_encrypted(self) -> None:
        template = recorded(mode="managed-nodes").inputs(aws.ec2.LaunchTemplate)

        assert template["metadataOptions"]["httpTokens"] == "required"
        assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
        assert [each["ebs"]["encrypted"] for each in template["blockDeviceMappings"]] == ["true"]

    def test_fargate_has_a_profile_for_all_namespaces(self) -> None:
        recording = recorded(mode="fargate")
        profile = recording.inputs(aws.eks.FargateProfile)

        assert {each["namespace"] for each in profile["selectors"]} == {"kube-system", "argocd", "keda", "portage"}
        assert attached(recording, f"{CLUSTER}-pods-role") == {"AmazonEKSFargatePodExecutionRolePolicy"}
        (dns,) = recording.all(aws.eks.Addon)
        assert json.loads(dns.inputs["configurationValues"]) == {"computeType": "Fargate"}
        assert recording.only(aws.eks.FargateProfile).urn in dns.options.depends_on

    def test_add_ons_are_pinned_and_nobody_else_manages_them(self) -> None:
        recording = recorded(mode="managed-nodes", storage_drivers=["ebs", "efs"])
        add_ons = {each.inputs["addonName"]: each for each in recording.all(aws.eks.Addon)}

        assert {name: each.inputs["addonVersion"] for name, each in add_ons.items()} == ADDON_VERSIONS
        assert {each.inputs["resolveConflictsOnUpdate"] for each in add_ons.values()} == {"OVERWRITE"}
        assert {name for name, each in add_ons.items() if "podIdentityAssociations" in each.inputs} == {
            *("vpc-cni", "aws-ebs-csi-driver", "aws-efs-csi-driver")
        }

    def test_nodes_have_their_network_before_and_what_runs_on_them_after(self) -> None:
        recording = recorded(mode="managed-nodes", storage_drivers=["ebs", "efs"])
        add_ons = {each.inputs["addonName"]: each for each in recording.all(aws.eks.Addon)}
        group = recording.only(aws.eks.NodeGroup)

        for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
            assert add_ons[name].urn in group.options.depends_on
        for name in ("coredns", "aws-ebs-csi-driver", "aws-efs-csi-driver"):
            assert group.urn in add_ons[name].options.depends_on


class TestIdentities:
    def test_the_worker_may_do_what_the_pipeline_offers_and_nothing_more(self) -> None:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Offered"}]})
        recording = recorded(worker_policy=policy)

        assert recording.inputs(aws.iam.RolePolicy, f"{NAME}-worker-policy")["policy"] == policy
        of_the_worker = physical(f"{NAME}-worker-role")
        assert [each.name for each in recording.all(aws.iam.RolePolicy) if each.inputs["role"] == of_the_worker] == [
            f"{NAME}-worker-policy"
        ]
        assert attached(recording, f"{NAME}-worker-role") == set()

    def test_kedas_operator_may_read_the_length_of_this_queue_alone(self) -> None:
        assert document(recorded(), f"{NAME}-keda-policy") == [
            {
                "Effect": "Allow",
                "Action": ["sqs:GetQueueAttributes"],
                "Resource": [EKS_ARGO_DEPLOY.required["queue_arn"]],
            }
        ]

    @pytest.mark.parametrize(
        ("who", "namespace", "service_account"),
        [("worker", "portage", "worker"), ("keda", "keda", KEDA_SERVICE_ACCOUNT)],
    )
    def test_pod_identity_gives_a_role_to_one_service_account(
        self, who: str, namespace: str, service_account: str
    ) -> None:
        recording = recorded()
        association = recording.inputs(aws.eks.PodIdentityAssociation, f"{NAME}-{who}")

        assert (association["namespace"], association["serviceAccount"]) == (namespace, service_account)
        assert association["roleArn"].endswith(f"/{physical(f'{NAME}-{who}-role')}")
        assert trust(recording, f"{NAME}-{who}-role") == {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
                    "aws:RequestTag/kubernetes-namespace": namespace,
                    "aws:RequestTag/kubernetes-service-account": service_account,
                }
            },
        }

    def test_on_fargate_the_clusters_tokens_give_it(self) -> None:
        recording = recorded(mode="fargate")
        issuer = f"oidc.eks.example/id/{physical(CLUSTER)}"

        assert recording.all(aws.eks.PodIdentityAssociation) == []
        statement = trust(recording, f"{NAME}-worker-role")
        assert statement["Principal"] == {"Federated": f"arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/{issuer}"}
        assert statement["Condition"] == {
            "StringEquals": {
                f"{issuer}:aud": "sts.amazonaws.com",
                f"{issuer}:sub": "system:serviceaccount:portage:worker",
            }
        }
        worker = of(recording, APPLICATION, f"{NAME}-worker").inputs["spec"]["source"]["kustomize"]
        (annotated,) = [json.loads(each["patch"]) for each in worker["patches"] if "role-arn" in each["patch"]]
        assert annotated["kind"] == "ServiceAccount"
        operator = of(recording, APPLICATION, f"{NAME}-keda").inputs["spec"]["source"]["helm"]["valuesObject"]
        role_arn = operator["serviceAccount"]["operator"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert role_arn.endswith(f"/{physical(f'{NAME}-keda-role')}")

    def test_github_has_a_role_only_where_a_repository_is_named(self) -> None:
        assert f"{NAME}-github-role" not in names(recorded(), aws.iam.Role)
        recording = recorded(github_repository="example/portage", github_environment="dev")

        assert trust(recording, f"{NAME}-github-role")["Condition"]["StringEquals"] == {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:example/portage:environment:dev",
            "token.actions.githubusercontent.com:ref": "refs/heads/main",
        }


class TestArgoCd:
    def test_is_a_pinned_release_that_nobody_reaches_and_nobody_signs_in_to(self) -> None:
        release = of(recorded(), RELEASE, f"{NAME}-argo").inputs
        values = release["values"]

        assert (release["chart"], release["version"], release["namespace"]) == ("argo-cd", "9.1.0", "argocd")
        assert values["configs"]["cm"]["admin.enabled"] == "false"
        assert "oidc.config" not in values["configs"]["cm"]
        assert values["dex"] == {"enabled": False}
        assert "ingress" not in values["server"]
        assert "service" not in values["server"]
        assert values["redis-ha"] == {"enabled": False}

    def test_has_several_replicas_where_the_stack_asks_for_it(self) -> None:
        values = of(recorded(argo_high_availability=True), RELEASE, f"{NAME}-argo").inputs["values"]

        assert values["redis-ha"] == {"enabled": True}
        assert values["server"]["replicas"] == values["repoServer"]["replicas"] == 2

    def test_lets_users_of_an_issuer_in_and_a_group_administer_it(self) -> None:
        sign_in = {"argo_oidc_issuer": "https://id.example.com", "argo_oidc_client_id": "argo"}
        values = of(recorded(**sign_in, argo_admin_groups=["admins"]), RELEASE, f"{NAME}-argo").inputs["values"]

        assert json.loads(values["configs"]["cm"]["oidc.config"])["issuer"] == "https://id.example.com"
        assert values["configs"]["rbac"]["policy.csv"] == "g, admins, role:admin"
        assert values["configs"]["rbac"]["policy.default"] == ""

    def test_the_capability_signs_in_by_identity_center_and_deploys_to_its_cluster_by_arn(self) -> None:
        recording = recorded(**CAPABILITY, argo_admin_groups=["a-group"])
        capability = recording.inputs(aws.eks.Capability, f"{NAME}-argo")
        argo = capability["configuration"]["argoCd"]

        assert capability["type"] == "ARGOCD"
        assert argo["awsIdc"] == {"idcInstanceArn": IDENTITY_CENTER}
        assert argo["rbacRoleMappings"] == [{"role": "ADMIN", "identities": [{"id": "a-group", "type": "SSO_GROUP"}]}]
        assert trust(recording, f"{NAME}-argo-role")["Principal"] == {"Service": "capabilities.eks.amazonaws.com"}
        target = of(recording, token(kubernetes.core.v1.Secret), f"{NAME}-argo-cluster")
        assert target.inputs["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "cluster"}
        for name in ("keda", "worker"):
            spec = of(recording, APPLICATION, f"{NAME}-{name}").inputs["spec"]
            assert spec["destination"]["server"] == CLUSTER_ARN
        assert not [each for each in recording.registrations if each.type == RELEASE]


class TestApplications:
    def test_the_worker_follows_git_with_what_the_infrastructure_knows(self) -> None:
        recording = recorded(git_path="gitops/overlays/prod", git_revision="v1")
        application = of(recording, APPLICATION, f"{NAME}-worker").inputs
        source = application["spec"]["source"]
        (patch,) = source["kustomize"]["patches"]

        assert application["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
        assert (source["repoURL"], source["path"], source["targetRevision"]) == (
            EKS_ARGO_DEPLOY.required["git_repository_url"],
            "gitops/overlays/prod",
            "v1",
        )
        assert json.loads(patch["patch"])["data"] == {
            **EKS_ARGO_DEPLOY.required["worker_environment"],
            "AWS_DEFAULT_REGION": REGION,
            "IMAGE_REPOSITORY": EKS_ARGO_DEPLOY.required["image_repository_url"],
            "QUEUE_URL": EKS_ARGO_DEPLOY.required["queue_url"],
        }
        assert application["spec"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}

    def test_both_flavours_of_argo_cd_end_in_the_same_application(self) -> None:
        helm, capability = (of(recorded(**given), APPLICATION, f"{NAME}-worker").inputs for given in ({}, CAPABILITY))

        assert helm["metadata"] == capability["metadata"]
        assert {**helm["spec"], "destination": None} == {**capability["spec"], "destination": None}

    def test_the_provider_gets_a_token_for_each_call_and_no_key(self) -> None:
        provider = of(recorded(), "pulumi:providers:kubernetes", f"{NAME}-kubernetes").inputs
        config = json.loads(provider["kubeconfig"])
        (user,) = config["users"]

        assert user["user"].keys() == {"exec"}
        assert user["user"]["exec"]["command"] == "aws"
        assert user["user"]["exec"]["args"][:2] == ["eks", "get-token"]
        assert provider["clusterIdentifier"] == CLUSTER_ARN


class TestDestroy:
    """The engine deletes a resource before those that it depends on, and a child before its parent."""

    @pytest.mark.parametrize("argo", [{}, CAPABILITY], ids=["helm", "capability"])
    @pytest.mark.parametrize("mode", ["auto", "managed-nodes", "fargate"])
    def test_deletes_what_others_need_last(self, mode: str, argo: dict[str, str]) -> None:
        recording = recorded(mode=mode, **argo)
        before = Needs(recording)
        argo_cd = f"{NAME}-argo"
        worker, keda = (of(recording, APPLICATION, f"{NAME}-{name}") for name in ("worker", "keda"))
        installed = [each for each in recording.registrations if each.parent.endswith(f"::{argo_cd}")]
        identities = [
            each
            for each in recording.registrations
            if each.type in {token(aws.eks.PodIdentityAssociation), token(aws.iam.RolePolicy)}
            and each.name.startswith((f"{NAME}-worker", f"{NAME}-keda"))
        ]
        nodes = [
            each
            for each in recording.registrations
            if each.type in {token(kind) for kind in (aws.eks.NodeGroup, aws.eks.FargateProfile, aws.eks.Addon)}
        ]
        (cluster,) = recording.all(aws.eks.Cluster)
        network = [
            each for each in recording.registrations if each.type in {token(aws.ec2.Subnet), token(aws.ec2.Route)}
        ]
        private = [each for each in network if "-private-" in each.name]

        assert keda in before.all(worker)
        ready = [each for each in installed if each.custom]
        assert ready
        for application in (worker, keda):
            assert [each.name for each in [*ready, *identities] if each not in before.all(application)] == []
        for each in (
            (of(recording, token(aws.eks.Capability), argo_cd),) if argo else (of(recording, RELEASE, argo_cd),)
        ):
            assert [other.name for other in [*identities, *nodes, cluster] if other not in before.all(each)] == []
        for each in nodes:
            assert cluster in before.all(each)
        for each in identities:
            if each.type == token(aws.eks.PodIdentityAssociation):
                assert [other.name for other in nodes if other not in before.all(each)] == []
        assert private
        assert [each.name for each in private if each not in before.all(cluster)] == []


class Needs:
    """What must exist while a resource does, from what the program registered."""

    def __init__(self, recording: Recording) -> None:
        self._by_urn = {each.urn: each for each in recording.registrations}
        self._found: dict[str, list[Registration]] = {}

    def all(self, of_this: Registration) -> list[Registration]:
        if of_this.urn not in self._found:
            self._found[of_this.urn] = []
            direct = [self._by_urn[urn] for urn in of_this.options.depends_on]
            if provider := of_this.options.provider.rpartition("::")[0]:
                direct.append(self._by_urn[provider])
            further = [other for each in direct for other in self.all(each)]
            self._found[of_this.urn] = list({each.urn: each for each in [*direct, *further]}.values())
        return self._found[of_this.urn]


class TestConflicts:
    @pytest.mark.parametrize(
        ("given", "named"),
        [
            ({"cluster_name": "the-cluster", "mode": "fargate"}, "mode is given"),
            ({"cluster_name": "the-cluster", "subnet_ids": SUBNET_IDS}, "subnet_ids is given"),
            ({"subnet_ids": SUBNET_IDS, "nat_per_zone": True}, "nat_per_zone is true"),
            ({"subnet_ids": SUBNET_IDS, "network_flow_log_days": 7}, "network_flow_log_days is 7"),
            ({"mode": "managed-nodes", "on_demand_nodes": 0}, "on_demand_nodes and spot_nodes are 0"),
            ({"mode": "fargate", "storage_drivers": ["ebs"]}, "storage_drivers has ebs"),
            ({"storage_drivers": ["ebs"]}, "storage_drivers has ebs"),
            ({"mode": "managed-nodes", "kubernetes_version": "1.35"}, "kubernetes_version is 1.35"),
            ({"argo": "capability"}, "argo_identity_center_arn is missing"),
            ({"argo_oidc_issuer": "https://id.example.com"}, "argo_oidc_issuer and argo_oidc_client_id"),
            ({"argo_admin_groups": ["admins"]}, "argo_admin_groups is given"),
            ({"github_repository": "example/portage"}, "github_environment is missing"),
        ],
    )
    def test_are_refused_before_any_resource(self, given: dict[str, Any], named: str) -> None:
        assert named in refusal(lambda: EKS_ARGO_DEPLOY.make(**given))


class TestArgumentsOfAnotherMode:
    @pytest.mark.parametrize(
        ("given", "warnings"),
        [
            ({}, []),
            ({"mode": "managed-nodes", "spot_nodes": 3, "node_disk_gib": 99}, []),
            (
                {"spot_nodes": 3, "node_disk_gib": 99},
                ["With mode auto, these have no effect: node_disk_gib, spot_nodes."],
            ),
            (
                {"argo_identity_center_arn": IDENTITY_CENTER},
                ["With argo helm, these have no effect: argo_identity_center_arn."],
            ),
            (
                {**CAPABILITY, "argo_high_availability": True},
                ["With argo capability, these have no effect: argo_high_availability."],
            ),
            (
                {"github_environment": "dev"},
                ["Without github_repository, these have no effect: github_environment."],
            ),
        ],
    )
    def test_are_a_warning(self, given: dict[str, Any], warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []

        def warn(text: str, resource: pulumi.Resource | None = None) -> None:
            assert resource is not None
            said.append(text)

        monkeypatch.setattr(pulumi.log, "warn", warn)
        record(lambda: EKS_ARGO_DEPLOY.make(**given) and None)

        assert said == warnings
