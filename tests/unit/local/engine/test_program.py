"""A program runs here as the Pulumi CLI would run it, and its runs do not see each other."""

import os
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.engine.built_in.program import ProgramRun, Registration, UnsupportedProgramError, run_program
from local.resources.parameters import plain

Project = Callable[..., Path]


class Echo:
    """Answers every resource with its own inputs, and counts."""

    def __init__(self) -> None:
        self.created: list[str] = []

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        self.created.append(registration.name)
        return f"{registration.name}-id", {**registration.inputs, "arn": f"arn:{registration.name}"}

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"region": "mars-east-1", "id": token, **arguments}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    def write(main: str, *, config: str = "", **modules: str) -> Path:
        folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: fixture\nruntime: python\n")
        (folder / "Pulumi.dev.yaml").write_text(config or "config: {}\n")
        (folder / "__main__.py").write_text(textwrap.dedent(main))
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(source))
        return folder

    return write


def run(folder: Path) -> ProgramRun:
    return run_program(folder, stack="dev", cloud=Echo())


def test_outputs_and_registrations_come_back(project: Project) -> None:
    result = run(
        project(
            """
            import pulumi, pulumi_aws as aws

            class House(pulumi.ComponentResource):
                def __init__(self, name):
                    super().__init__("fixture:index:House", name, {}, None)
                    opts = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True,
                                                  aliases=[pulumi.Alias(name="old")])
                    bucket = aws.s3.Bucket("b", force_destroy=True, opts=opts)
                    aws.s3.BucketVersioning("v", bucket=bucket, versioning_configuration={"status": "Enabled"},
                                            opts=pulumi.ResourceOptions(parent=self))
                    self.register_outputs({})

            House("h")
            pulumi.export("region", aws.get_region_output().region)
            pulumi.export("password", pulumi.Output.secret("hush"))
            """
        )
    )

    assert result.outputs == {"region": "mars-east-1", "password": "hush"}
    house, bucket, versioning = result.registrations
    assert (house.custom, bucket.custom) == (False, True)
    assert (bucket.type, bucket.name, bucket.parent) == ("aws:s3/bucket:Bucket", "b", house.urn)
    assert bucket.inputs == {"forceDestroy": True}
    assert (bucket.options.protect, bucket.options.retain_on_delete) == (True, True)
    assert "old" in bucket.options.aliases
    assert versioning.inputs["bucket"] == "b-id"
    assert versioning.options.property_dependencies["bucket"] == {bucket.urn}


def test_two_projects_with_modules_of_the_same_name_do_not_mix(project: Project) -> None:
    main = "import pulumi, settings\npulumi.export('from', settings.NAME)"
    first, second = project(main, settings="NAME = 'first'"), project(main, settings="NAME = 'second'")

    assert [run(folder).outputs["from"] for folder in (first, second, first)] == ["first", "second", "first"]


def test_a_second_run_executes_the_modules_anew(project: Project) -> None:
    folder = project(
        "import counter, pulumi; counter.RUNS.append(1); pulumi.export('runs', len(counter.RUNS))", counter="RUNS = []"
    )

    assert [run(folder).outputs["runs"] for _ in range(2)] == [1, 1]


def test_the_process_is_left_as_it_was(project: Project) -> None:
    folder = project("import helper", helper="")
    ours = sys.modules["helper"] = type(sys)("helper")
    before = (Path.cwd(), list(sys.path), threading.active_count())
    try:
        run(folder)
        assert sys.modules["helper"] is ours
    finally:
        del sys.modules["helper"]

    assert (Path.cwd(), list(sys.path), threading.active_count()) == before


def test_the_program_finds_itself_in_its_own_folder(project: Project) -> None:
    folder = project("import os, pulumi; pulumi.export('cwd', os.getcwd())")

    assert run(folder).outputs["cwd"] == str(folder)
    assert os.fspath(folder) not in sys.path


def test_config_reaches_the_program_and_does_not_stay(project: Project) -> None:
    main = "import pulumi; pulumi.export('x', pulumi.Config().get_int('x'))"

    assert run(project(main, config="config: {x: 3}")).outputs == {"x": 3}
    assert run(project(main)).outputs == {}


FAULT = "apply(lambda _: int('no key'))"


@pytest.mark.parametrize(
    "main",
    [
        "raise ValueError('no key')",
        f"pulumi.Output.from_input(1).{FAULT}",
        f"aws.s3.Bucket('b', bucket=pulumi.Output.from_input(1).{FAULT})",
        f"aws.s3.Bucket('b').arn.{FAULT}",
        f"aws.s3.BucketPolicy('p', bucket='b', policy=aws.s3.Bucket('b').arn.{FAULT})",
    ],
    ids=["module", "apply", "apply into an input", "apply on an output", "apply on an output into an input"],
)
def test_a_programs_error_comes_out_as_itself(project: Project, main: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no key") as caught:
        run(project(f"import pulumi, pulumi_aws as aws\n{main}"))

    assert not str(caught.value).startswith("While processing")
    assert caplog.records == []


def test_nothing_is_made_after_the_program_has_failed(project: Project) -> None:
    echo = Echo()
    with pytest.raises(ValueError, match="too late"):
        run_program(
            project("import pulumi_aws as aws\naws.s3.Bucket('b')\nraise ValueError('too late')"),
            stack="dev",
            cloud=echo,
        )

    assert echo.created == []


def test_a_failing_resource_stops_the_run_and_what_depends_on_it(project: Project) -> None:
    class Refusal(Echo):
        def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
            if registration.name == "refused":
                raise PermissionError("AccessDenied on refused")
            return super().create(registration)

    cloud = Refusal()
    folder = project(
        """
        import pulumi_aws as aws
        refused = aws.s3.Bucket("refused")
        aws.s3.BucketVersioning("after", bucket=refused.id, versioning_configuration={"status": "Enabled"})
        """
    )
    with pytest.raises(PermissionError, match="AccessDenied on refused"):
        run_program(folder, stack="dev", cloud=cloud)

    assert cloud.created == []


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ("aws.s3.Bucket('twin'); aws.s3.Bucket('twin')", "duplicate resource URN .*twin"),
        ("aws.s3.Bucket.get('old', 'some-bucket')", "aws:s3/bucket:Bucket old reads a resource that exists"),
    ],
)
def test_what_needs_the_engine_is_refused(project: Project, main: str, message: str) -> None:
    with pytest.raises(UnsupportedProgramError, match=message):
        run(project(f"import pulumi_aws as aws\n{main}"))


def test_transforms_are_refused_because_nothing_would_run_them(project: Project) -> None:
    main = (
        "import pulumi, pulumi_aws as aws\n"
        "aws.s3.Bucket('b', opts=pulumi.ResourceOptions(transforms=[lambda args: None]))"
    )
    with pytest.raises(Exception, match="does not support transforms"):
        run(project(main))


def test_secrets_are_unwrapped_at_any_depth() -> None:
    # how Pulumi's wire format marks a secret (sdk/go/common/resource/sig.go)
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}

    assert plain({"a": [{"b": secret}], "c": 1}) == {"a": [{"b": "hush"}], "c": 1}
