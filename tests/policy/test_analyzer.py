"""The pack runs as the engine runs it: as a process of its own, by gRPC, with nothing else of this project."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from core.pack import all_rules
from tests.support.paths import PROJECT

QUEUE, BUCKET = "aws:sqs/queue:Queue", "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
SECRET = {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": "hunter2"}


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("installed")
    pack = folder / "any.name"
    shutil.copytree(PROJECT / "policy", pack, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "elsewhere").mkdir()
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(pack)]
    with subprocess.Popen(command, cwd=folder / "elsewhere", stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.kill()


def struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    sent = struct_pb2.Struct()
    cast("Any", sent).update(properties)
    return sent


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:any::project::{kind}::{name}"


def request(kind: str, properties: Mapping[str, Any]) -> Any:
    return proto.AnalyzeRequest(type=kind, urn=urn(kind, "it"), name="it", properties=struct(properties))


def reported(response: Any) -> set[str]:
    return {each.policyName for each in response.diagnostics}


def test_it_describes_each_rule(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    by_name = {each.name: each for each in info.policies}

    assert info.name == "portage-policies"
    assert by_name.keys() == {rule.name for rule in all_rules()}
    assert all(each.severity and each.remediation_steps and each.url.startswith("https://") for each in info.policies)
    tls = by_name["s3-bucket-policy-requires-tls"]
    assert tls.severity == proto.POLICY_SEVERITY_MEDIUM
    assert tls.enforcementLevel == proto.MANDATORY
    assert tls.framework.reference == "S3.5"
    assert {"AWS-FSBP/1.0.0/S3.5", "CIS-AWS/5.0.0/2.1.1", "NIST-800-53-r5/SC-8"} <= set(tls.tags)


def test_it_has_the_version_of_the_project() -> None:
    described = yaml.safe_load((PROJECT / "policy" / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert described["version"] == project["version"]


def test_it_reports_a_resource(analyzer: Any) -> None:
    response = analyzer.Analyze(request(QUEUE, {"sqsManagedSseEnabled": False, "name": SECRET}))

    (diagnostic,) = response.diagnostics
    assert (diagnostic.policyName, diagnostic.enforcementLevel) == ("sqs-queue-is-encrypted", proto.MANDATORY)
    assert "hunter2" not in diagnostic.message


def test_it_says_nothing_of_what_is_not_known_yet(analyzer: Any) -> None:
    unknown = {"policy": UNKNOWN_STRING_VALUE, "sqsManagedSseEnabled": UNKNOWN_STRING_VALUE}

    assert reported(analyzer.Analyze(request(QUEUE, unknown))) == set()


def test_it_compares_the_resources_of_a_stack(analyzer: Any) -> None:
    def resource(kind: str, name: str, properties: Mapping[str, Any], **references: str) -> Any:
        dependencies = {key: proto.AnalyzerPropertyDependencies(urns=[each]) for key, each in references.items()}
        return proto.AnalyzerResource(
            type=kind, urn=urn(kind, name), name=name, properties=struct(properties), propertyDependencies=dependencies
        )

    films, more = urn(BUCKET, "films"), urn(BUCKET, "more-films")
    response = analyzer.AnalyzeStack(
        proto.AnalyzeStackRequest(
            resources=[
                resource(BUCKET, "films", {"bucket": UNKNOWN_STRING_VALUE}),
                resource(BUCKET, "more-films", {"bucket": "more"}),
                resource(BLOCK, "block", {"bucket": UNKNOWN_STRING_VALUE}, bucket=films),
            ]
        )
    )

    missing = [each.urn for each in response.diagnostics if each.policyName == "s3-bucket-has-public-access-block"]
    assert missing == [more]


def test_it_remediates_where_a_user_wants_it_and_keeps_secrets(analyzer: Any) -> None:
    kind, rule = "aws:cloudwatch/logGroup:LogGroup", "logs-log-group-has-retention"
    config = proto.PolicyConfig(enforcementLevel=proto.REMEDIATE, properties=struct({"remediatedLogRetentionDays": 30}))
    before = analyzer.Remediate(request(kind, {"name": SECRET}))
    analyzer.Configure(proto.ConfigureAnalyzerRequest(policyConfig={rule: config}))

    after = analyzer.Remediate(request(kind, {"name": SECRET}))

    assert list(before.remediations) == []
    (remediation,) = after.remediations
    assert dict(remediation.properties["name"]) == SECRET
    assert remediation.properties["retentionInDays"] == 30
