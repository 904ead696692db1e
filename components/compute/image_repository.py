"""The building block for the repository of the worker's image."""

import json

import pulumi
import pulumi_aws as aws

from components.arguments.shared import ProtectionArgs

KEPT_IMAGES = 50
"""Older ones are deleted. A deployment that is rolled back needs the one before."""


class ImageRepository(pulumi.ComponentResource):
    """A private repository of ECR: encrypted, scanned at each push, and with tags that always name the same image."""

    url: pulumi.Output[str]
    """Where to push images, ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME."""

    def __init__(self, name: str, args: ProtectionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("portage:index:ImageRepository", name, {}, opts)
        protected, key = args.deletion_protection, args.kms_key_arn
        repository = aws.ecr.Repository(
            name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[
                {"encryption_type": "AES256"} if key is None else {"encryption_type": "KMS", "kms_key": key}
            ],
            force_delete=not protected,
            # None, not False: otherwise the repository would not inherit protect=True from its component.
            opts=pulumi.ResourceOptions(parent=self, protect=protected or None),
        )
        rule = {
            "rulePriority": 1,
            "description": f"Keeps the newest {KEPT_IMAGES} images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
            "action": {"type": "expire"},
        }
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=json.dumps({"rules": [rule]}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})
