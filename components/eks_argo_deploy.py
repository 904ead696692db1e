"""EksArgoDeploy: a cluster on which Argo CD keeps the worker running as Git has it, scaled by the queue.

Git --> Argo CD --Application keda-->   KEDA, which reads the length of the queue with an identity of its own
                --Application worker--> worker: Deployment, ServiceAccount and ScaledObject of gitops/
queue, table, buckets, repository of images --as the Application's parameters--> variables of the worker
GitHub Actions --OIDC--> role that pushes images to one repository of ECR

A destroy does not hang, because dependencies give it an order. The Applications go first: Argo CD deletes all that they
have created, load balancers and volumes included. Then go Argo CD, identities, nodes, cluster and network.
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import iam
from components.arguments.eks_argo_deploy import FARGATE_PROFILES, EksArgoDeployArgs
from components.arguments.names import (
    FARGATE_PROFILE,
    LAUNCH_TEMPLATE,
    NODE_GROUP,
    check_names,
)
from components.descendants import with_descendants
from components.eks import WORKER_NAMESPACE
from components.eks.application import (
    API_VERSION,
    KEDA,
    KEDA_SERVICE_ACCOUNT,
    KIND,
    WORKER,
    Application,
    WorkerParameters,
    keda_application,
    metadata,
    worker_application,
)
from components.eks.argo_cd import ArgoCd
from components.eks.cluster import Cluster, EksCluster, existing_cluster
from components.eks.github_actions import GitHubActions, GitHubActionsArgs
from components.eks.identity import PodIdentity, PodIdentityArgs
from components.network.vpc import network_names

__all__ = ["EksArgoDeploy", "EksArgoDeployArgs"]

_NAMES = {
    FARGATE_PROFILE: "-cluster-pods",
    LAUNCH_TEMPLATE: "-cluster-nodes",
    NODE_GROUP: "-cluster-nodes-on-demand",
    **network_names("-cluster-network"),
}
"""The longest that is added to the component's name for a name in AWS, by type."""

DELETE_TIMEOUT = "30m"
"""For an Application: workers end their jobs first."""


class EksArgoDeploy(pulumi.ComponentResource):
    """The worker on EKS, deployed by Argo CD."""

    cluster_name: pulumi.Output[str]
    """Name of the cluster, for `aws eks update-kubeconfig --name`."""
    cluster_security_group_id: pulumi.Output[str]
    """Security group of the control plane. To reach a private API, allow port 443 of it."""
    worker_role_name: pulumi.Output[str]
    """Name of the role that processors run with, for permissions that are granted elsewhere."""
    github_role_arn: pulumi.Output[str]
    """Role that the workflow on GitHub assumes to push images; empty where there is none."""

    def __init__(self, name: str, args: EksArgoDeployArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = EksArgoDeployArgs.of(args)
        check_names("EksArgoDeploy", name, _NAMES)
        super().__init__("portage:index:EksArgoDeploy", name, {}, with_descendants(opts, args))
        for warning in args.warnings():
            pulumi.log.warn(warning, resource=self)
        child = pulumi.ResourceOptions(parent=self)
        cluster = (
            EksCluster(f"{name}-cluster", args, child).cluster
            if args.cluster_name is None
            else existing_cluster(args.cluster_name, self)
        )
        worker, keda = self._identities(name, args, cluster)
        region = aws.get_region_output(opts=pulumi.InvokeOutputOptions(parent=self)).region
        on_cluster = self._kubernetes(f"{name}-kubernetes", args, cluster, region)
        before = [*cluster.ready, *worker.ready, *keda.ready]
        argo_cd = ArgoCd(f"{name}-argo", args, cluster, child, on_cluster=on_cluster, before=before)
        self._applications(name, args, argo_cd, on_cluster, worker=worker, keda=keda, region=region)
        self.cluster_name, self.cluster_security_group_id = cluster.name, cluster.security_group_id
        self.worker_role_name = worker.role_name
        self.github_role_arn = pulumi.Output.from_input("")
        if args.github_repository is not None and args.github_environment is not None:
            self.github_role_arn = GitHubActions(
                f"{name}-github",
                GitHubActionsArgs(
                    repository=args.github_repository,
                    environment=args.github_environment,
                    image_repository_url=args.image_repository_url,
                    provider_arn=args.github_oidc_provider_arn,
                ),
                child,
            ).role_arn
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "cluster_security_group_id": self.cluster_security_group_id,
                "worker_role_name": self.worker_role_name,
                "github_role_arn": self.github_role_arn,
            }
        )

    def _identities(self, name: str, args: EksArgoDeployArgs, cluster: Cluster) -> tuple[PodIdentity, PodIdentity]:
        """Make the worker's identity, and one for KEDA's operator, which may do nothing but read the queue's length."""
        child = pulumi.ResourceOptions(parent=self)
        provider_arn = None
        if _is_on_fargate(args):
            provider_arn = aws.iam.OpenIdConnectProvider(
                f"{name}-pods", url=cluster.oidc_issuer, client_id_lists=[iam.STS], opts=child
            ).arn
        worker = PodIdentityArgs(
            cluster=cluster,
            oidc_provider_arn=provider_arn,
            namespace=WORKER_NAMESPACE,
            service_account=WORKER,
            policy=args.worker_policy,
        )
        keda = PodIdentityArgs(
            cluster=cluster,
            oidc_provider_arn=provider_arn,
            namespace=KEDA,
            service_account=KEDA_SERVICE_ACCOUNT,
            policy=iam.role_policy(f"{name}-keda-policy", iam.count_messages(args.queue_arn)),
        )
        return PodIdentity(f"{name}-worker", worker, child), PodIdentity(f"{name}-keda", keda, child)

    def _kubernetes(
        self, name: str, args: EksArgoDeployArgs, cluster: Cluster, region: pulumi.Output[str]
    ) -> kubernetes.Provider:
        """Make the provider. Each call gets a token from the AWS CLI: there is no kubeconfig on a disk."""
        return kubernetes.Provider(
            name,
            kubeconfig=pulumi.Output.all(
                name=cluster.name,
                endpoint=cluster.endpoint,
                certificate_authority=cluster.certificate_authority,
                region=region,
                profile=args.aws_profile,
                role_arn=args.deployer_role_arn,
            ).apply(lambda known: _kubeconfig(**known)),
            # Otherwise another kubeconfig would replace all objects.
            cluster_identifier=cluster.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _applications(
        self,
        name: str,
        args: EksArgoDeployArgs,
        argo_cd: ArgoCd,
        on_cluster: kubernetes.Provider,
        *,
        worker: PodIdentity,
        keda: PodIdentity,
        region: pulumi.Output[str],
    ) -> None:
        """Make KEDA's Application, and then the worker's: KEDA removes the finalizer of its ScaledObject."""
        roles = (worker.role_arn, keda.role_arn) if _is_on_fargate(args) else (None, None)
        known = pulumi.Output.all(
            cluster=argo_cd.cluster_address,
            worker_role_arn=roles[0],
            keda_role_arn=roles[1],
            queue_url=args.queue_url,
            region=region,
            image_repository=args.image_repository_url,
            environment=args.worker_environment,
            repository_url=args.git_repository_url,
        )
        replicas = 2 if args.argo_high_availability else 1
        scaling = self._application(
            f"{name}-keda",
            KEDA,
            known.apply(
                lambda each: keda_application(
                    each["cluster"], replicas=replicas, operator_role_arn=each["keda_role_arn"]
                )
            ),
            pulumi.ResourceOptions(parent=self, provider=on_cluster, depends_on=argo_cd.ready),
        )
        self._application(
            f"{name}-worker",
            WORKER,
            known.apply(lambda each: worker_application(_parameters(args, each), each["cluster"])),
            pulumi.ResourceOptions(parent=self, provider=on_cluster, depends_on=[*argo_cd.ready, scaling]),
        )

    def _application(
        self, name: str, application: str, manifest: pulumi.Output[Application], opts: pulumi.ResourceOptions
    ) -> kubernetes.apiextensions.CustomResource:
        """Make an Application. Its deletion ends when Argo CD has deleted what it created."""
        return kubernetes.apiextensions.CustomResource(
            name,
            api_version=API_VERSION,
            kind=KIND,
            metadata=dict(metadata(application)),
            spec=manifest.apply(lambda known: known["spec"]),
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT))
            ),
        )


def _is_on_fargate(args: EksArgoDeployArgs) -> bool:
    return args.cluster_name is None and args.mode == FARGATE_PROFILES


def _parameters(args: EksArgoDeployArgs, known: Mapping[str, Any]) -> WorkerParameters:
    return WorkerParameters(
        queue_url=known["queue_url"],
        region=known["region"],
        image_repository=known["image_repository"],
        environment=known["environment"],
        repository_url=known["repository_url"],
        path=args.git_path,
        revision=args.git_revision,
        service_account_role_arn=known["worker_role_arn"],
    )


def _kubeconfig(
    *,
    name: str,
    endpoint: str,
    certificate_authority: str,
    region: str,
    profile: str | None,
    role_arn: str | None,
) -> str:
    """Return a kubeconfig with a command in place of a key."""
    as_whom = [*(("--profile", profile) if profile else ()), *(("--role-arn", role_arn) if role_arn else ())]
    get_token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--output", "json", "--cluster-name", name, "--region", region, *as_whom],
        "interactiveMode": "Never",
    }
    cluster = {"server": endpoint, "certificate-authority-data": certificate_authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"exec": get_token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(config)
