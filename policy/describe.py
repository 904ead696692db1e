"""Prints docs/policies.md: what each rule asks for, and what can be set."""

import itertools
import sys
from collections.abc import Iterator

from core.pack import all_rules
from core.rule import Rule
from core.settings import SETTINGS

_GROUPS = {
    "uploads": "Uploads",
    "s3": "S3",
    "lambda": "Lambda",
    "apigateway": "API Gateway",
    "sqs": "SQS",
    "sns": "SNS",
    "events": "EventBridge",
    "stepfunctions": "Step Functions",
    "dynamodb": "DynamoDB",
    "efs": "EFS",
    "ecs": "ECS",
    "ecr": "ECR",
    "eks": "EKS",
    "kubernetes": "Kubernetes and Argo CD",
    "iam": "IAM",
    "kms": "KMS",
    "secrets": "Secrets Manager",
    "cognito": "Cognito",
    "cloudfront": "CloudFront",
    "vpc": "VPC",
    "logs": "CloudWatch Logs",
    "general": "All resources",
}

_START = """\
# Policies

`policy/` is a pack of {count} rules for Pulumi, for uploads to S3 and the resources around them. It works for
any stack, in any of Pulumi's languages:

    pulumi install --cwd policy                   # once: the pack's own libraries
    pulumi preview --policy-pack policy           # or `up`
    pulumi policy analyze --policy-pack policy --file STATE    # what `pulumi stack export` has written; no login

`make policy` reviews this project's stacks without the Pulumi CLI, and writes `.local/policies.sarif` for code
scanning.

Violations of low severity are advisory, all others mandatory: they stop `up`. What a preview does not know yet, such as
the ARN of a new bucket, is checked at the end of the update. `pulumi policy analyze` checks all at once.

## Settings

`policy/settings.yaml` has values, levels (`advisory`, `mandatory`, `remediate`, `disabled`), and exemptions. An
exemption has a reason and a last day; after it, the violation is reported again.

    values:
      allowedRegions: [eu-central-1]
      requiredTags: {{team: video}}
    levels:
      s3-bucket-is-versioned: mandatory
      logs-log-group-has-retention: remediate
    exemptions:
      - rule: secrets-secret-is-rotated
        resources: ["urn:pulumi:*::shop::*::payment-key"]
        reason: The payment service issues this key, and replaces it by hand.
        until: 2027-06-30

Pulumi's own configuration (`--policy-pack-config`) can set a rule's level and values too, and wins.

| value | default | what it is |
|---|---|---|
{settings}

## Controls

Rules name the controls of AWS Security Hub that they stand for: those of AWS Foundational Security Best Practices 1.0.0
(FSBP), and with them the CIS AWS Foundations Benchmark, by version, and NIST SP 800-53 Rev. 5. Pulumi shows them as
tags. A rule can be narrower than its control, which also looks at what no program declares.
"""


def _rule(rule: Rule) -> str:
    controls = [f"{each.id} ({'FSBP' if each.fsbp else 'Security Hub'})" for each in rule.controls]
    cis = [f"CIS {key}" for each in rule.controls for key in each.cis]
    nist = sorted({key for each in rule.controls for key in each.nist})
    facts = [
        f"**{rule.severity.value}**",
        *controls,
        *cis,
        *([f"NIST {', '.join(nist)}"] if nist else []),
        *([f"reads {', '.join(f'`{name}`' for name in rule.settings)}"] if rule.settings else []),
        *(["can be remediated"] if rule.remedy else []),
        f"[source]({rule.source})",
    ]
    return f"### {rule.name}\n\n{rule.title} {rule.reason} To fix: {rule.steps}\n\n{' · '.join(facts)}\n"


def _parts() -> Iterator[str]:
    rules = all_rules()
    settings = "\n".join(
        f"| `{name}` | `{each.default}` | {each.description} |" for name, each in sorted(SETTINGS.items())
    )
    yield _START.format(count=len(rules), settings=settings)
    in_order = sorted(rules, key=lambda rule: (list(_GROUPS).index(rule.group), rule.name))
    for group, members in itertools.groupby(in_order, key=lambda rule: rule.group):
        yield f"## {_GROUPS[group]}\n"
        yield from (_rule(rule) for rule in members)


if __name__ == "__main__":
    sys.stdout.write("\n".join(_parts()))
