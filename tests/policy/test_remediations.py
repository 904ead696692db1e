"""Remediations change what they must, and keep secrets secret."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, deserialize_properties, serialize_properties

from core.pack import policies
from core.settings import Configuration, Exemption
from tests.support.each_case import each_case
from tests.support.policies.review import OPTIONS

SECRET = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": "hunter2"}
URN = "urn:pulumi:dev::p::t::name"
TAGS = {"requiredTags": {"team": "video", "owner": ""}}
BUCKET, LOG_GROUP = "aws:s3/bucket:Bucket", "aws:cloudwatch/logGroup:LogGroup"
DOMAIN, V2_DOMAIN = "aws:apigateway/domainName:DomainName", "aws:apigatewayv2/domainName:DomainName"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
V2 = "domainNameConfiguration"
CERTIFICATE, VERSION = "viewerCertificate", "minimumProtocolVersion"


def remediate(
    rule: str,
    kind: str,
    inputs: Mapping[str, Any],
    config: Mapping[str, Any],
    configuration: Configuration | None = None,
) -> Any:
    """What the engine gets back: the inputs as they travel, or None for no change."""
    (policy,) = [each for each in policies(configuration or Configuration()) if each.name == rule]
    assert isinstance(policy, ResourceValidationPolicy)
    received = deserialize_properties(dict(inputs), proxy_secrets=True)
    result: Any = policy.remediate(ResourceValidationArgs(kind, received, URN, "name", OPTIONS, None, config))
    return None if result is None else serialize_properties(result)


@each_case(
    ("rule", "kind", "before", "after"),
    [
        ("general-required-tags-are-set", BUCKET, {}, {"tags": {"team": "video"}}),
        (
            "general-required-tags-are-set",
            BUCKET,
            {"tags": {"owner": SECRET}, "bucket": SECRET},
            {"tags": {"owner": SECRET, "team": "video"}, "bucket": SECRET},
        ),
        ("general-required-tags-are-set", BUCKET, {"tags": {"team": "music", "owner": "me"}}, None),
        ("general-required-tags-are-set", BUCKET, {"tagsAll": {"team": "music"}}, None),
        ("logs-log-group-has-retention", LOG_GROUP, {"name": SECRET}, {"name": SECRET, "retentionInDays": 365}),
        ("logs-log-group-has-retention", LOG_GROUP, {"retentionInDays": 1}, None),
        ("apigateway-domain-requires-tls12", DOMAIN, {}, {"securityPolicy": "TLS_1_2"}),
        ("apigateway-domain-requires-tls12", DOMAIN, {"securityPolicy": "TLS_1_2"}, None),
        (
            "apigateway-v2-domain-requires-tls12",
            V2_DOMAIN,
            {V2: {"securityPolicy": "TLS_1_0", "certificateArn": SECRET}},
            {V2: {"securityPolicy": "TLS_1_2", "certificateArn": SECRET}},
        ),
        (
            "cloudfront-tls-is-recent",
            DISTRIBUTION,
            {CERTIFICATE: {"acmCertificateArn": SECRET, VERSION: "TLSv1"}},
            {CERTIFICATE: {"acmCertificateArn": SECRET, VERSION: "TLSv1.2_2021"}},
        ),
        ("cloudfront-tls-is-recent", DISTRIBUTION, {CERTIFICATE: {"cloudfrontDefaultCertificate": True}}, None),
        ("cloudfront-tls-is-recent", BUCKET, {CERTIFICATE: {VERSION: "TLSv1"}}, None),
    ],
)
def test_a_remediation_changes_only_what_breaks_the_rule(
    rule: str, kind: str, before: Mapping[str, Any], after: Mapping[str, Any] | None
) -> None:
    assert remediate(rule, kind, before, TAGS) == after


def test_a_resource_that_is_exempt_is_not_changed() -> None:
    rule = "logs-log-group-has-retention"
    exemption = Exemption(rule, ("*::name",), "Kept for ever by law", dt.date(2999, 1, 1))

    assert remediate(rule, LOG_GROUP, {}, {}, Configuration(exemptions=(exemption,))) is None
    assert remediate(rule, LOG_GROUP, {}, {}) is not None
