"""A stack's configuration is read from its two files as the Pulumi CLI reads them. Errors name the fix."""

import json
from pathlib import Path

import pytest

from local.engine.stack_config import StackConfig, StackConfigError, read_stack_config
from tests.support.each_case import each_case

PROJECT = """
name: shop
runtime: python
config:
  colour: {type: string, default: red}
  size: {type: integer, default: 3}
  open: {type: boolean, default: true}
  origins: {type: array, items: {type: string}, default: []}
  limits: {type: object, default: {burst: 5}}
  aws:region: {value: eu-north-1}
  aws:profile: someone
"""


def read(folder: Path, stack: str = "config: {}", project: str = PROJECT) -> StackConfig:
    (folder / "Pulumi.yaml").write_text(project)
    (folder / "Pulumi.dev.yaml").write_text(stack)
    return read_stack_config(folder, "dev")


def test_defaults_are_flat_text_by_full_key(tmp_path: Path) -> None:
    assert read(tmp_path).values == {
        "shop:colour": "red",
        "shop:size": "3",
        "shop:open": "true",
        "shop:origins": "[]",
        "shop:limits": '{"burst": 5}',
        "aws:region": "eu-north-1",
        "aws:profile": "someone",
    }


@each_case(
    ("line", "expected"),
    [
        ("shop:colour: blue", {"shop:colour": "blue"}),
        ("colour: blue", {"shop:colour": "blue"}),
        ("shop:size: 7", {"shop:size": "7"}),
        ("shop:size: '-7'", {"shop:size": "-7"}),
        ("shop:open: 'false'", {"shop:open": "false"}),
        ("shop:open: True", {"shop:open": "true"}),
        ("shop:size: 7.0", {"shop:size": "7"}),
        ("shop:size: 1e3", {"shop:size": "1000"}),
        ("shop:colour: 5", {"shop:colour": "5"}),
        ("shop:colour: true", {"shop:colour": "true"}),
        ("shop:colour: no", {"shop:colour": "no"}),
        ("shop:colour: 2026-11-25", {"shop:colour": "2026-11-25"}),
        ("shop:colour: 12:30:45", {"shop:colour": "12:30:45"}),
        ("shop:origins: [https://a, https://b]", {"shop:origins": '["https://a", "https://b"]'}),
        ("aws:region: us-west-2", {"aws:region": "us-west-2"}),
        ("shop:unheard: of", {"shop:unheard": "of"}),
        ("other:key: 5", {"other:key": "5"}),
    ],
)
def test_the_stack_file_wins_and_may_say_more(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    assert dict(read(tmp_path, f"config:\n  {line}").values) == {**read(tmp_path).values, **expected}


def test_an_empty_stack_file_leaves_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "").values == read(tmp_path, "config: {}").values


@each_case(
    ("line", "message"),
    [
        ("shop:colour: [5]", r"shop:colour is \[5\], but must be of type string"),
        ("shop:size: large", "shop:size is 'large', but must be of type integer"),
        ("shop:size: 2.5", "shop:size is 2.5, but must be of type integer"),
        ("shop:size: true", "shop:size is True, but must be of type integer"),
        ("shop:size:", "shop:size has no value; give it one of type integer"),
        ("shop:open: maybe", "shop:open is 'maybe', but must be of type boolean"),
        ("shop:open: no", "shop:open is 'no', but must be of type boolean"),
        ("shop:open: 'True'", "shop:open is 'True', but must be of type boolean"),
        ("shop:origins: '[]'", r"shop:origins is '\[\]', but must be of type array"),
        ("shop:origins: https://a", "shop:origins is 'https://a', but must be of type array"),
        ("shop:origins: [1]", r"shop:origins\[0\] is 1, but must be of type string"),
        ("shop:limits: [1]", r"shop:limits is \[1\], but must be of type object"),
        (
            "shop:colour: {secure: AAAB}",
            "shop:colour is a secret .* pulumi config set --plaintext --path 'shop:colour'",
        ),
        ("colour: {secure: AAAB}", "shop:colour is a secret"),
        ("shop:origins: [https://a, {secure: AAAB}]", r"shop:origins\[1\] is a secret"),
        ("aws:assumeRoles: [{roleArn: {secure: AAAB}}]", r"aws:assumeRoles\[0\]\.roleArn is a secret"),
    ],
)
def test_a_wrong_value_names_file_key_value_and_fix(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(StackConfigError, match=rf"Pulumi\.dev\.yaml: {message}"):
        read(tmp_path, f"config:\n  {line}")


def test_every_wrong_value_has_a_line(tmp_path: Path) -> None:
    with pytest.raises(StackConfigError) as caught:
        read(
            tmp_path,
            "config: {shop:colour: [5], shop:size: , shop:origins: [1, a, 2]}",
            PROJECT.replace("config:", "config:\n  owner: {type: string}"),
        )
    lines = str(caught.value).splitlines()
    assert [line.split(": ", 1)[1].split()[0] for line in lines] == [
        "shop:owner",
        "shop:colour",
        "shop:size",
        "shop:origins[0]",
        "shop:origins[2]",
    ]


def test_a_key_without_default_must_be_given(tmp_path: Path) -> None:
    project = "name: shop\nconfig: {bucket: {type: string}}"

    with pytest.raises(
        StackConfigError, match=r"Pulumi\.dev\.yaml: shop:bucket is missing; add `shop:bucket: <string>`"
    ):
        read(tmp_path, project=project)
    assert read(tmp_path, "config: {shop:bucket: b}", project).values == {"shop:bucket": "b"}


@each_case(
    ("project", "message"),
    [
        ("runtime: python", "no project name"),
        ("name: shop\nconfig: {a: {type: float}}", "a has type 'float'; use one of `array`, `boolean`"),
        ("name: shop\nconfig: {a: {typ: string}}", "a has `typ`; a declaration has only"),
        ("name: shop\nconfig: {a: {value: x, default: y}}", "a has both `value` and `default`"),
        ("name: shop\nconfig: {a: {type: integer, default: x}}", "shop:a is 'x', but must be of type integer"),
        ("name: shop\nconfig: [a]", "is not a mapping"),
        ("name: shop\nconfig: {a: }", "a has no value; give it one of type"),
        ("name: [", "is not valid YAML"),
    ],
)
def test_a_wrong_project_file_is_refused(tmp_path: Path, project: str, message: str) -> None:
    with pytest.raises(StackConfigError, match=rf"Pulumi\.yaml.* {message}"):
        read(tmp_path, project=project)


@each_case(
    ("stack", "place"),
    [
        (b"config:\n  colour: red\n size: 3\n", "line 3, column 2"),
        (b"config:\n  colour: red: blue\n", "line 2, column 14"),
        (b"config:\n\tcolour: red\n", "line 2, column 1"),
        (b"config: {colour: red\n", "line 2, column 1"),
        (b"config: {colour: !ref red}\n", "line 1, column 18"),
        (b"config:\n  colour: red\n  colour: blue\n", "line 3, column 3"),
        (b"config:\n  colour: red\n'config':\n", "line 3, column 1"),
        (b"config:\n  colours: [{name: red, 'name': blue}]\n", "line 2, column 25"),
        (b"config:\n  colour: \xff\n", "position 18"),
        (b"config:\n  colour: \x00\n", "position 18"),
    ],
)
def test_a_file_that_is_not_yaml_is_refused_in_one_line_with_the_place(
    tmp_path: Path, stack: bytes, place: str
) -> None:
    read(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_bytes(stack)
    with pytest.raises(StackConfigError) as caught:
        read_stack_config(tmp_path, "dev")
    (line,) = str(caught.value).splitlines()
    assert str(tmp_path / "Pulumi.dev.yaml") in line
    assert place in line


WRITTEN_BY_THE_CLI = """\
# For trying things out.
config:
  shop:colour: "5"
  shop:open: "false"
  shop:origins:
    - http://localhost:8000
    - "no"
    - =
    - !!merge <<
  shop:size: "7"
  aws:region: eu-west-1
  aws:defaultTags:
    tags:
      team: video
      since: "2024-01-01"
      floor: 7
  aws:allowedAccountIds:
    - 123456789012
    - "012345678901"
encryptionsalt: v1:FpppDZxUWz4=:v1:KhO80Uk7ycR4Q3C/:d+FAsjw1XY1eMAFnJNeMdIOZdx+UOQ==
"""
"""By `stack init`, `config set`, `config set --path` and `config set --plaintext` of the CLI 3.274.0."""


def test_every_form_that_the_cli_writes_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, WRITTEN_BY_THE_CLI).values == {
        "shop:colour": "5",
        "shop:open": "false",
        "shop:origins": '["http://localhost:8000", "no", "=", "<<"]',
        "shop:size": "7",
        "shop:limits": '{"burst": 5}',
        "aws:region": "eu-west-1",
        "aws:profile": "someone",
        "aws:defaultTags": '{"tags": {"team": "video", "since": "2024-01-01", "floor": 7}}',
        "aws:allowedAccountIds": '[123456789012, "012345678901"]',
    }


@each_case("key", ["encryptionsalt", "encryptedkey", "secretsprovider"])
def test_what_the_cli_writes_for_secrets_says_nothing_without_one(tmp_path: Path, key: str) -> None:
    assert read(tmp_path, f"{key}: x\nconfig: {{shop:size: 7}}").values["shop:size"] == "7"


@each_case("key", ["environment", "colour"])
def test_what_only_a_backend_understands_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(StackConfigError, match=rf"Pulumi\.dev\.yaml: {key} cannot be used here"):
        read(tmp_path, f"{key}: x\nconfig: {{}}")


def test_a_mistyped_stack_is_not_deployed_with_defaults(tmp_path: Path) -> None:
    read(tmp_path)

    with pytest.raises(StackConfigError, match=r"Pulumi\.prd\.yaml does not exist; write it; .* `Pulumi\.dev\.yaml`"):
        read_stack_config(tmp_path, "prd")


def test_the_projects_own_keys_are_found_under_any_name(tmp_path: Path) -> None:
    assert (
        read(tmp_path, "config: {colour: blue}", PROJECT.replace("name: shop", "name: store")).own("colour") == "blue"
    )


def test_the_program_may_stand_in_a_folder_of_its_own(tmp_path: Path) -> None:
    assert read(tmp_path).program_dir == tmp_path
    assert read(tmp_path, project="name: shop\nmain: infra").program_dir == tmp_path / "infra"


def test_text_that_json_would_change_is_passed_on_unchanged(tmp_path: Path) -> None:
    values = read(tmp_path, 'config:\n  shop:colour: "{\\"a\\": 1}"').values

    assert json.loads(values["shop:colour"]) == {"a": 1}
