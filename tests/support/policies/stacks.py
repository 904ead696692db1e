"""The resources of this project's own stacks, each recorded once a process."""

from functools import cache

from local.engine.built_in.program import Registration
from tests.support import golden
from tests.support.components.examples import IMAGE

COMPUTES = {
    "lambda": {},
    "lambda-image": {
        "compute": "lambda",
        "functionImage": IMAGE,
        "functionStorageMb": 1_024,
        "subnetIds": ["subnet-00000001"],
    },
    "lambda-given-buckets": {
        "compute": "lambda",
        "resultsBucketArn": "arn:aws:s3:::the-results",
        "resultExpirationDays": 0,
        "quarantineBucketArn": "arn:aws:s3:::the-quarantine",
    },
    "step-functions": {"compute": "step-functions", "workspace": "efs"},
    "fargate": {
        "compute": "fargate",
        "workerImage": IMAGE,
        "imageRepository": True,
    },
    "eks": {
        "compute": "eks",
        "imageRepository": True,
        "eksGitRepositoryUrl": "https://git.example/portage.git",
        "malwareScan": True,
    },
}
"""By compute: what a stack's config has for it."""


@cache
def resources(stack: str, compute: str = "lambda") -> tuple[Registration, ...]:
    """Return what a stack declares, with the config in its golden dump and this compute."""
    config = {**golden.read_config(golden.path_of(stack)), **COMPUTES[compute]}
    return golden.record_stack(stack, config).registrations
