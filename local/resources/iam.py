"""IAM roles and their policies."""

from collections.abc import Mapping
from typing import Any

from local.resources.parameters import json_text
from local.resources.rows import Autoname, Call, Made, Row, by, tag_list


def _role(made: Made) -> Mapping[str, Any]:
    role = made.responses["CreateRole"]["Role"]
    return {"arn": role["Arn"], "uniqueId": role["RoleId"], "createDate": role["CreateDate"].isoformat()}


def _provider_arn(made: Made) -> str:
    return made.responses["CreateOpenIDConnectProvider"]["OpenIDConnectProviderArn"]


TABLE = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Row(
        service="iam",
        create=Call(
            operation="CreateOpenIDConnectProvider",
            moves={
                "url": "Url",
                "clientIdLists": "ClientIDList",
                "thumbprintLists": "ThumbprintList",
                "tags": tag_list(),
            },
        ),
        replace_on=("url",),
        delete=Call(operation="DeleteOpenIDConnectProvider", also=lambda made: {"OpenIDConnectProviderArn": made.id}),
        id=_provider_arn,
        outputs=lambda made: {"arn": _provider_arn(made)},
        not_emulated={"": "no workflow asks for credentials here"},
    ),
    "aws:iam/role:Role": Row(
        service="iam",
        create=Call(
            operation="CreateRole",
            moves={
                "name": "RoleName",
                "assumeRolePolicy": json_text("AssumeRolePolicyDocument"),
                "tags": tag_list(),
            },
        ),
        update=(
            Call(
                operation="UpdateAssumeRolePolicy",
                moves={"name": "RoleName", "assumeRolePolicy": json_text("PolicyDocument")},
            ),
            Call(operation="UpdateRole", moves={"name": "RoleName"}),
            Call(operation="PutRolePermissionsBoundary", moves={"name": "RoleName"}, when="permissionsBoundary"),
        ),
        replace_on=("name", "path"),
        delete=Call(operation="DeleteRole", moves={"name": "RoleName"}),
        id=by("name"),
        outputs=_role,
        autoname=Autoname(limit=64),
        defaults={"path": "/", "maxSessionDuration": 3600},
        provider_only={"forceDetachPolicies": "detaches foreign policies before the role is deleted"},
    ),
    "aws:iam/rolePolicy:RolePolicy": Row(
        service="iam",
        create=Call(
            operation="PutRolePolicy",
            moves={"role": "RoleName", "name": "PolicyName", "policy": json_text("PolicyDocument")},
        ),
        repeatable=True,
        replace_on=("name", "role"),
        delete=Call(operation="DeleteRolePolicy", moves={"role": "RoleName", "name": "PolicyName"}),
        id=lambda made: f"{made.inputs['role']}:{made.inputs['name']}",
        autoname=Autoname(limit=128),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Row(
        service="iam",
        create=Call(operation="AttachRolePolicy", moves={"role": "RoleName"}),
        replace_on=("policyArn", "role"),
        delete=Call(operation="DetachRolePolicy", moves={"role": "RoleName", "policyArn": "PolicyArn"}),
        id=lambda made: f"{made.inputs['role']}/{made.inputs['policyArn']}",
    ),
}
