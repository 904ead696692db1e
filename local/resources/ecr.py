"""ECR repositories. MiniStack records them; nothing is pushed or pulled."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import Given, json_text
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list


def _encryption(block: Given) -> Mapping[str, Any]:
    (only,) = (block.item(index) for index in range(len(block.value)))
    return {"encryptionConfiguration": only}


def _outputs(made: Made) -> Mapping[str, Any]:
    repository = made.responses["CreateRepository"]["repository"]
    return {
        "arn": repository["repositoryArn"],
        "repositoryUrl": repository["repositoryUri"],
        "registryId": made.account.account_id,
    }


TABLE = {
    "aws:ecr/repository:Repository": Row(
        service="ecr",
        create=Call(
            operation="CreateRepository",
            moves={
                "name": "repositoryName",
                "encryptionConfigurations": _encryption,
                "tags": tag_list("tags"),
            },
        ),
        update=(
            Call(operation="PutImageTagMutability", moves={"name": "repositoryName"}),
            Call(operation="PutImageScanningConfiguration", moves={"name": "repositoryName"}),
        ),
        replace_on=("encryptionConfigurations", "name"),
        delete=Call(operation="DeleteRepository", moves={"name": "repositoryName"}, also=lambda _: {"force": True}),
        id=by("name"),
        outputs=_outputs,
        autoname=Autoname(limit=255, lower_case=True),
        provider_only={"forceDelete": "deletes the repository with its images"},
        not_emulated={"": "no image is pushed or pulled: the worker runs from this folder"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Row(
        service="ecr",
        create=Call(
            operation="PutLifecyclePolicy",
            moves={"repository": "repositoryName", "policy": json_text("lifecyclePolicyText")},
        ),
        repeatable=True,
        replace_on=("repository",),
        delete=Call(operation="DeleteLifecyclePolicy", moves={"repository": "repositoryName"}),
        id=by("repository"),
        not_emulated={"": "there are no images to delete"},
    ),
}
