"""The building block for Argo CD: a Helm release in the cluster, or EKS's managed capability. Both read Applications.

Neither can be reached from outside of the cluster, and there is no local user: users sign in through a provider, if at
all. `kubectl port-forward service/argocd-server -n argocd 8080:80` shows the page of the release.
"""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import iam
from components.arguments.eks_argo_deploy import HELM, EksArgoDeployArgs
from components.eks import application
from components.eks.application import ARGO_NAMESPACE
from components.eks.cluster import Cluster
from components.eks.roles import administrator

CHART, CHART_REPOSITORY, CHART_VERSION = "argo-cd", "https://argoproj.github.io/argo-helm", "9.1.0"

PAGE = "http://localhost:8080"
"""Where a port-forward shows Argo CD's page, for redirects of a sign-in."""

INSTALL_SECONDS = 900
"""Auto Mode starts the nodes for its pods meanwhile."""


class ArgoCd(pulumi.ComponentResource):
    """Argo CD, with a project and a cluster for Applications."""

    cluster_address: pulumi.Output[str]
    """The cluster itself, as Applications name it."""
    ready: Sequence[pulumi.Resource]
    """What must exist as long as an Application: with it, Argo CD creates and deletes the Application's objects."""

    def __init__(
        self,
        name: str,
        args: EksArgoDeployArgs,
        cluster: Cluster,
        opts: pulumi.ResourceOptions | None = None,
        *,
        on_cluster: kubernetes.Provider,
        before: Sequence[pulumi.Resource],
    ) -> None:
        """Make it with the cluster's provider, after what its pods need."""
        super().__init__("portage:index:ArgoCd", name, {}, opts)
        if args.argo == HELM:
            self.ready = [self._release(name, args, on_cluster, before)]
            self.cluster_address = pulumi.Output.from_input(application.THIS_CLUSTER)
        else:
            self.ready = self._capability(name, args, cluster, on_cluster=on_cluster, before=before)
            self.cluster_address = cluster.arn
        self.register_outputs({"cluster_address": self.cluster_address})

    def _release(
        self,
        name: str,
        args: EksArgoDeployArgs,
        on_cluster: kubernetes.Provider,
        before: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        return kubernetes.helm.v3.Release(
            name,
            chart=CHART,
            version=CHART_VERSION,
            repository_opts={"repo": CHART_REPOSITORY},
            namespace=ARGO_NAMESPACE,
            create_namespace=True,
            timeout=INSTALL_SECONDS,
            values=_values(args),
            opts=pulumi.ResourceOptions(parent=self, provider=on_cluster, depends_on=before),
        )

    def _capability(
        self,
        name: str,
        args: EksArgoDeployArgs,
        cluster: Cluster,
        *,
        on_cluster: kubernetes.Provider,
        before: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(f"{name}-role", assume_role_policy=iam.trust_with_tags(iam.EKS_CAPABILITIES), opts=child)
        argo: aws.eks.CapabilityConfigurationArgoCdArgsDict = {
            "aws_idc": {"idc_instance_arn": args.argo_identity_center_arn or ""},
            "namespace": ARGO_NAMESPACE,
        }
        if args.argo_admin_groups:
            groups: list[aws.eks.CapabilityConfigurationArgoCdRbacRoleMappingIdentityArgsDict]
            groups = [{"id": group, "type": "SSO_GROUP"} for group in args.argo_admin_groups]
            argo["rbac_role_mappings"] = [{"role": "ADMIN", "identities": groups}]
        capability = aws.eks.Capability(
            name,
            capability_name="argocd",
            cluster_name=cluster.name,
            type="ARGOCD",
            role_arn=role.arn,
            delete_propagation_policy="RETAIN",  # the only one; the Applications are gone before
            configuration={"argo_cd": argo},
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        # EKS makes the access entry. It may do nothing in the cluster until it has a policy, and KEDA's chart has
        # roles of the whole cluster (EKS user guide, "Register target clusters").
        after = pulumi.ResourceOptions(parent=self, depends_on=[capability])
        may = administrator(name, cluster.name, cluster.arn, role.arn, after)
        target = kubernetes.core.v1.Secret(
            f"{name}-cluster",
            metadata={
                "name": "this-cluster",
                "namespace": ARGO_NAMESPACE,
                "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            },
            string_data={"name": "this-cluster", "server": cluster.arn, "project": "default"},
            opts=pulumi.ResourceOptions(parent=self, provider=on_cluster, depends_on=[capability]),
        )
        return [capability, may, target]


def _values(args: EksArgoDeployArgs) -> dict[str, Any]:
    """Return the chart's values. By its defaults, no service has an address outside of the cluster."""
    several = args.argo_high_availability
    config: dict[str, str] = {"admin.enabled": "false", "exec.enabled": "false", "url": PAGE}
    roles: dict[str, str] = {"policy.default": "", "scopes": "[groups]"}
    if args.argo_oidc_issuer is not None:
        sign_in = {
            "name": "Sign-in",
            "issuer": args.argo_oidc_issuer,
            "clientID": args.argo_oidc_client_id,
            "requestedScopes": ["openid", "profile", "email", "groups"],
            "enablePKCEAuthentication": True,
        }
        config["oidc.config"] = json.dumps(sign_in)  # is YAML as well
        roles["policy.csv"] = "\n".join(f"g, {group}, role:admin" for group in args.argo_admin_groups)
    replicas = {"replicas": 2} if several else {"replicas": 1}
    return {
        "fullnameOverride": "argocd",
        "configs": {
            "cm": config,
            "rbac": roles,
            "params": {"server.insecure": "true"},  # a port-forward ends in its pod; nothing else reaches it
        },
        "dex": {"enabled": False},  # it would sign in through providers without OpenID Connect
        "notifications": {"enabled": False},
        "applicationSet": {"replicas": 0},  # there is none
        "redis-ha": {"enabled": several},
        "server": replicas,
        "repoServer": replicas,
        "controller": {"replicas": 1},
    }
