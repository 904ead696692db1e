"""What a public component sets on all resources that it makes: tags, and the boundary of roles."""

from typing import Any

import pulumi
import pulumi_aws as aws

from components.arguments.shared import RoleArgs, TagArgs


def with_descendants(opts: pulumi.ResourceOptions | None, args: TagArgs) -> pulumi.ResourceOptions:
    """Return a component's options, which also set its tags, and its boundary, on every resource below it."""
    boundary = args.permissions_boundary_arn if isinstance(args, RoleArgs) else None
    has_tags = isinstance(args.tags, pulumi.Output) or args.tags != {}
    if not has_tags and boundary is None:
        return pulumi.ResourceOptions.merge(opts, None)

    def transform(each: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        props: dict[str, Any] = dict(each.props)
        if has_tags and isinstance(getattr(type(each.resource), "tags", None), property):
            props["tags"] = _merged(args.tags, props.get("tags"))
        if boundary is not None and isinstance(each.resource, aws.iam.Role):
            props["permissions_boundary"] = boundary
        return pulumi.ResourceTransformationResult(props, each.opts)

    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(transformations=[transform]))


def _merged(tags: pulumi.Input[dict[str, pulumi.Input[str]]], own: Any) -> Any:
    """Return the tags and those of the resource itself, which have priority."""
    if own is None:
        return tags
    return pulumi.Output.all(tags, own).apply(lambda both: {**both[0], **both[1]})
