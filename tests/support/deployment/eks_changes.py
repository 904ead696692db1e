"""Settings of the compute eks, for tests of the real engine."""

from collections.abc import Mapping

EKS: Mapping[str, object] = {
    "compute": "eks",
    "imageRepository": True,
    "eksGitRepositoryUrl": "https://github.com/example/portage.git",
    "eksMode": "managed-nodes",
}

_VERSIONS = {"kube-proxy": "v9.9.9-eksbuild.9", "coredns": "v9.9.9-eksbuild.9"}

CHANGES: Mapping[str, Mapping[str, object]] = {
    "version": {"eksKubernetesVersion": "1.35", "eksAddonVersions": _VERSIONS},
    "nodes": {
        "eksNodeInstanceTypes": ["m8g.xlarge"],
        "eksOnDemandNodes": 3,
        "eksSpotNodes": 2,
        "eksNodeDiskGib": 99,
        "eksStorageDrivers": ["ebs", "efs"],
    },
    "mode auto": {"eksMode": "auto"},
    "mode fargate": {"eksMode": "fargate"},
    "access": {
        "eksPublicAccessCidrs": ["203.0.113.0/24"],
        "eksAdminRoleArns": ["arn:aws:iam::123456789012:role/the-deployer"],
        "eksNatPerZone": True,
    },
    "git": {
        "eksGitRepositoryUrl": "https://git.example.com/another.git",
        "eksGitPath": "gitops/overlays/prod",
        "eksGitRevision": "release",
        "eksJobsAtOnce": 7,
    },
    "github": {
        "eksGithubRepository": "example/portage",
        "eksGithubEnvironment": "dev",
        "eksGithubOidcProviderArn": ("arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"),
    },
    "argo cd": {
        "eksArgoHighAvailability": True,
        "eksArgoOidcIssuer": "https://id.example.com",
        "eksArgoOidcClientId": "argo",
        "eksArgoAdminGroups": ["admins"],
    },
    "argo cd as a capability": {
        "eksArgo": "capability",
        "eksArgoIdentityCenterArn": "arn:aws:sso:::instance/ssoins-0123456789abcdef",
    },
}
"""Changes of a deployed stack with EKS. None replaces the cluster."""

ALONE = frozenset(("eksClusterName",))
"""A cluster that exists takes the place of the one that was made."""
SETTINGS = frozenset((*(key for change in CHANGES.values() for key in change), *ALONE))
