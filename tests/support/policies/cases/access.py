"""Cases of the rules for IAM, KMS, Cognito, logs, networks, CloudFront, and for all resources."""

import pulumi_aws as aws

from tests.support.policies.cases.case import case, document, trust

GITHUB = "token.actions.githubusercontent.com"


def _allow(action: str, resource: str = "*") -> dict[str, object]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@case("iam-policy-is-not-for-administrators")
def administrator(n: str, *, ok: bool) -> None:
    aws.iam.Policy(n, policy=document(_allow("s3:GetObject" if ok else "*")))


@case("iam-policy-is-not-for-administrators")
def all_but(n: str, *, ok: bool) -> None:
    allowed = {"Effect": "Allow" if not ok else "Deny", "NotAction": "iam:*", "Resource": "*"}
    aws.iam.GroupPolicy(n, group="g", policy=document(allowed))


@case("iam-policy-is-not-for-administrators")
def administrators(n: str, *, ok: bool) -> None:
    name = "ReadOnlyAccess" if ok else "AdministratorAccess"
    aws.iam.RolePolicyAttachment(n, role="r", policy_arn=f"arn:aws:iam::aws:policy/{name}")


@case("iam-policy-is-not-for-administrators")
def administrator_by_an_inline_policy(n: str, *, ok: bool) -> None:
    policies: list[aws.iam.RoleInlinePolicyArgsDict] = [
        {"name": "one", "policy": document(_allow("s3:GetObject"))},
        {"name": "two", "policy": document(_allow("sqs:SendMessage" if ok else "*"))},
    ]
    aws.iam.Role(n, assume_role_policy=trust("lambda.amazonaws.com"), inline_policies=policies)


@case("iam-policy-names-its-actions")
def whole_service(n: str, *, ok: bool) -> None:
    aws.iam.RolePolicy(n, role="r", policy=document(_allow("s3:Get*" if ok else "s3:*", "arn:aws:s3:::b/*")))


@case("iam-policy-names-its-actions")
def all_services(n: str, *, ok: bool) -> None:
    aws.iam.RolePolicy(n, role="r", policy=document(_allow("s3:Get*" if ok else "*", "arn:aws:s3:::b/*")))


@case("iam-pass-role-names-roles")
def pass_role(n: str, *, ok: bool) -> None:
    role = "arn:aws:iam::123456789012:role/worker" if ok else "arn:aws:iam::123456789012:role/*"
    aws.iam.UserPolicy(n, user="u", policy=document(_allow("iam:PassRole", role)))


@case("iam-decryption-names-keys")
def decryption(n: str, *, ok: bool) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/k" if ok else "*"
    aws.iam.RolePolicy(n, role="r", policy=document(_allow("kms:Decrypt", key)))


@case("iam-decryption-names-keys")
def decryption_through_a_service(n: str, *, ok: bool) -> None:
    condition = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}} if ok else {}
    aws.iam.RolePolicy(n, role="r", policy=document({**_allow("kms:Decrypt"), "Condition": condition}))


@case("iam-trust-names-principals")
def trusted(n: str, *, ok: bool) -> None:
    principal = {"AWS": "123456789012" if ok else "*"}
    aws.iam.Role(
        n, assume_role_policy=document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    )


@case("iam-federation-names-subjects")
def workflows_of_anybody(n: str, *, ok: bool) -> None:
    subject = "repo:example/portage:environment:push" if ok else "repo:*"
    condition = {"StringLike": {f"{GITHUB}:sub": subject}, "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}
    aws.iam.Role(n, assume_role_policy=document(_federated(condition)))


@case("iam-federation-names-subjects")
def workflows_without_subject(n: str, *, ok: bool) -> None:
    key = "sub" if ok else "aud"
    condition = {"StringEquals": {f"{GITHUB}:{key}": "repo:example/portage:ref:refs/heads/main"}}
    aws.iam.Role(n, assume_role_policy=document(_federated(condition)))


@case("iam-federation-names-subjects")
def workflows_of_similar_owners(n: str, *, ok: bool) -> None:
    subject = "repo:example/portage:*" if ok else "repo:example*/portage:*"
    aws.iam.Role(n, assume_role_policy=document(_federated({"StringLike": {f"{GITHUB}:sub": subject}})))


@case("iam-federation-names-subjects")
def workflows_with_any_other_subject(n: str, *, ok: bool) -> None:
    operator = "StringEquals" if ok else "StringNotEquals"
    subject = "repo:example/portage:environment:push"
    aws.iam.Role(n, assume_role_policy=document(_federated({operator: {f"{GITHUB}:sub": subject}})))


def _federated(condition: object) -> dict[str, object]:
    principal = {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{GITHUB}"}
    action = "sts:AssumeRoleWithWebIdentity"
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}


@case("iam-user-has-no-policies")
def user_policy(n: str, *, ok: bool) -> None:
    if ok:
        aws.iam.GroupPolicyAttachment(n, group="g", policy_arn="p")
    else:
        aws.iam.UserPolicyAttachment(n, user="u", policy_arn="p")


@case("kms-key-is-rotated")
def rotated(n: str, *, ok: bool) -> None:
    aws.kms.Key(n, enable_key_rotation=ok)


@case("kms-key-is-rotated")
def key_that_cannot_be_rotated(n: str, *, ok: bool) -> None:
    aws.kms.Key(n, customer_master_key_spec="RSA_2048" if ok else "SYMMETRIC_DEFAULT")


@case("kms-key-policy-is-not-public")
def key_policy(n: str, *, ok: bool) -> None:
    condition = {"StringEquals": {"kms:CallerAccount": "123456789012"}} if ok else {}
    allowed = {**_allow("kms:Decrypt"), "Principal": {"AWS": "*"}, "Condition": condition}
    aws.kms.Key(n, policy=document(allowed))


@case("cognito-password-is-strong")
def password(n: str, *, ok: bool) -> None:
    aws.cognito.UserPool(
        n,
        password_policy={
            "minimum_length": 12,
            "require_lowercase": True,
            "require_uppercase": True,
            "require_numbers": True,
            "require_symbols": ok,
        },
    )


@case("cognito-pool-offers-second-factor")
def second_factor(n: str, *, ok: bool) -> None:
    aws.cognito.UserPool(n, mfa_configuration="OPTIONAL" if ok else "OFF")


@case("cognito-client-hides-who-exists")
def client(n: str, *, ok: bool) -> None:
    aws.cognito.UserPoolClient(n, user_pool_id="p", prevent_user_existence_errors="ENABLED" if ok else "LEGACY")


@case("cognito-pool-is-protected-from-deletion")
def pool(n: str, *, ok: bool) -> None:
    aws.cognito.UserPool(n, deletion_protection="ACTIVE" if ok else "INACTIVE")


@case("logs-log-group-has-retention")
def log_group(n: str, *, ok: bool) -> None:
    aws.cloudwatch.LogGroup(n, retention_in_days=7 if ok else None)


@case("logs-log-group-has-retention")
def short_log_group(n: str, *, ok: bool) -> None:
    aws.cloudwatch.LogGroup(n, retention_in_days=7 if ok else 1)


@case("vpc-ingress-is-not-open")
def group(n: str, *, ok: bool) -> None:
    port = 443 if ok else 22
    rule: aws.ec2.SecurityGroupIngressArgsDict = {
        "protocol": "tcp",
        "from_port": port,
        "to_port": port,
        "cidr_blocks": ["0.0.0.0/0"],
    }
    aws.ec2.SecurityGroup(n, ingress=[rule])


@case("vpc-ingress-is-not-open")
def group_rule(n: str, *, ok: bool) -> None:
    aws.ec2.SecurityGroupRule(
        n,
        type="ingress",
        protocol="tcp",
        from_port=0,
        to_port=65535,
        security_group_id="sg",
        ipv6_cidr_blocks=["2001:db8::/32" if ok else "::/0"],
    )


@case("vpc-ingress-is-not-open")
def ingress_rule(n: str, *, ok: bool) -> None:
    aws.vpc.SecurityGroupIngressRule(
        n,
        ip_protocol="tcp",
        from_port=22,
        to_port=22,
        security_group_id="sg",
        cidr_ipv4="10.0.0.0/8" if ok else "0.0.0.0/0",
    )


@case("vpc-subnet-gives-no-public-addresses")
def subnet(n: str, *, ok: bool) -> None:
    aws.ec2.Subnet(n, vpc_id="v", cidr_block="10.0.0.0/24", map_public_ip_on_launch=not ok)


@case("vpc-network-has-flow-log")
def network(n: str, *, ok: bool) -> None:
    vpc = aws.ec2.Vpc(n, cidr_block="10.0.0.0/16")
    if ok:
        aws.ec2.FlowLog(f"{n}f", vpc_id=vpc.id, traffic_type="ALL")


@case("vpc-endpoint-policy-is-limited")
def endpoint(n: str, *, ok: bool) -> None:
    aws.ec2.VpcEndpoint(n, vpc_id="v", service_name="s", policy=document() if ok else None)


@case("vpc-endpoint-policy-is-limited")
def endpoint_for_all(n: str, *, ok: bool) -> None:
    condition = {"StringEquals": {"aws:PrincipalAccount": "123456789012"}} if ok else {}
    allowed = {**_allow("*"), "Principal": "*", "Condition": condition}
    aws.ec2.VpcEndpoint(n, vpc_id="v", service_name="s", policy=document(allowed))


def _distribution(
    n: str,
    *,
    viewers: str = "https-only",
    access: str | None = None,
    certificate: aws.cloudfront.DistributionViewerCertificateArgsDict | None = None,
    root: str | None = None,
) -> aws.cloudfront.Distribution:
    return aws.cloudfront.Distribution(
        n,
        enabled=True,
        default_cache_behavior={
            "allowed_methods": ["GET"],
            "cached_methods": ["GET"],
            "target_origin_id": "o",
            "viewer_protocol_policy": viewers,
        },
        origins=[
            {"origin_id": "o", "domain_name": "b.s3.eu-west-1.amazonaws.com", "origin_access_control_id": access or ""}
        ],
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate=certificate or {"cloudfront_default_certificate": True},
        default_root_object=root,
    )


@case("cloudfront-viewers-use-tls")
def viewers(n: str, *, ok: bool) -> None:
    _distribution(n, viewers="redirect-to-https" if ok else "allow-all")


@case("cloudfront-tls-is-recent")
def certificate(n: str, *, ok: bool) -> None:
    version = "TLSv1.2_2021" if ok else "TLSv1.1_2016"
    _distribution(n, certificate={"acm_certificate_arn": "c", "minimum_protocol_version": version})


@case("cloudfront-origin-is-private")
def origin(n: str, *, ok: bool) -> None:
    _distribution(n, access="oac" if ok else None)


@case("cloudfront-requests-are-logged")
def requests(n: str, *, ok: bool) -> None:
    distribution = _distribution(n)
    if ok:
        aws.cloudwatch.LogDeliverySource(f"{n}s", name="s", log_type="ACCESS_LOGS", resource_arn=distribution.arn)


@case("cloudfront-root-is-an-object")
def root(n: str, *, ok: bool) -> None:
    _distribution(n, root="index.html" if ok else None)


@case("general-required-tags-are-set")
def tags(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(n, tags={"team": "video"} if ok else {"owner": "video"})


@case("general-region-is-allowed")
def region(n: str, *, ok: bool) -> None:
    aws.Provider(n, region="eu-central-1" if ok else "us-east-1")


@case("general-region-is-allowed")
def region_of_a_resource(n: str, *, ok: bool) -> None:
    aws.s3.Bucket(n, region="eu-central-1" if ok else "us-east-1")
