"""What a team chooses about its processor's function: an image, or code from S3, layers, storage and subnets."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from local.emulator.process import Emulator
from tests.integration.conftest import DeployWith
from tests.support.deployment.system import System
from tests.support.paths import TEAM_CODE

pytestmark = pytest.mark.variant

IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/function@sha256:{'3' * 64}"
MODULE = "import greetings\n\ndef process(job):\n    return {'says': greetings.HELLO, 'size_bytes': job.size_bytes}\n"


def zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def from_image(deploy_with: DeployWith) -> System:
    return deploy_with("image", functionImage=IMAGE, processor="team_processor.process", processorCode=str(TEAM_CODE))


@pytest.fixture(scope="module")
def from_s3(deploy_with: DeployWith, emulator: Emulator) -> System:
    """Code in a version of an object, and a module of a layer that others have made."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="team-builds")
    s3.put_bucket_versioning(Bucket="team-builds", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="team-builds", Key="build.zip", Body=zipped({"python/steps.py": MODULE}))
    s3.put_object(Bucket="team-builds", Key="build.zip", Body=zipped({"python/steps.py": "raise RuntimeError"}))
    layer = emulator.client("lambda").publish_layer_version(
        LayerName="greetings", Content={"ZipFile": zipped({"python/greetings.py": "HELLO = 'hello'"})}
    )
    return deploy_with(
        "from-s3",
        compute="step-functions",
        processor="steps.process",
        processorCodeBucket="team-builds",
        processorCodeKey="build.zip",
        processorCodeVersion=first["VersionId"],
        functionLayers=[layer["LayerVersionArn"]],
        functionStorageMb=1024,
        functionArchitecture="x86_64",
        subnetIds=["subnet-00000001"],
    )


def result_of(system: System, upload: Any) -> Any:
    assert upload["status"] == "completed", str(upload)
    stored = system.emulator.client("s3").get_object(Bucket=upload["result"]["bucket"], Key=upload["result"]["key"])
    return json.loads(stored["Body"].read())


def function_of(system: System, name: str) -> Any:
    return system.emulator.client("lambda").get_function(FunctionName=system.resource_id("Function", name))


def test_an_image_runs_the_processor_that_it_was_built_with(from_image: System) -> None:
    sender = from_image.new_user()

    upload = from_image.await_status(sender, from_image.send(sender, b"12345"), "completed", "failed")

    assert result_of(from_image, upload) == {"processed_by": "the team", "size_bytes": 5}


def test_an_image_is_what_the_function_runs(from_image: System) -> None:
    function = function_of(from_image, "processing-process-object")

    assert function["Code"]["ImageUri"] == IMAGE
    assert function["Configuration"]["PackageType"] == "Image"


def test_code_from_s3_runs_beside_given_layers(from_s3: System) -> None:
    sender = from_s3.new_user()

    upload = from_s3.await_status(sender, from_s3.send(sender, b"12345"), "completed", "failed")

    assert result_of(from_s3, upload) == {"says": "hello", "size_bytes": 5}


def test_the_function_has_what_was_chosen(from_s3: System) -> None:
    configuration = function_of(from_s3, "processing-process")["Configuration"]

    assert configuration["EphemeralStorage"] == {"Size": 1024}
    assert configuration["Architectures"] == ["x86_64"]
    assert configuration["VpcConfig"]["SubnetIds"] == ["subnet-00000001"]
    assert len(configuration["VpcConfig"]["SecurityGroupIds"]) == 1
