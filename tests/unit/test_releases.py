"""A stack of any release can be upgraded: nothing that keeps data is replaced, renamed or moved."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.support import golden
from tests.support.releases import FOLDER, Resources, broken, kept, names, of_dump, resources_of

BUCKET = "upload-api-ingest aws:s3/bucket:Bucket"
TABLE = "status-uploads aws:dynamodb/table:Table"
API = "upload-api-rest aws:apigateway/restApi:RestApi"
RELEASES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}


@pytest.mark.parametrize(
    ("release", "name"), [(release, name) for release, names in RELEASES.items() for name in names]
)
def test_an_upgrade_keeps_what_has_data(release: str, name: str) -> None:
    before = RELEASES[release][name]

    assert {API, BUCKET, TABLE} <= before.keys()
    assert list(broken(before, resources_of(name))) == []


def test_a_release_is_recorded_of_each_stack_and_compute() -> None:
    assert {*golden.STACKS, "prod with fargate", "prod with step-functions", "prod with eks"} <= {*names()}
    assert "processing-worker aws:ecr/repository:Repository" in kept(resources_of("prod with fargate"))


class TestAnUpgradeThatLosesData:
    @pytest.fixture
    def now(self) -> dict[str, Any]:
        return deepcopy(dict(of_dump(golden.path_of("dev"))))

    def test_by_another_name_is_found(self, now: dict[str, Any]) -> None:
        before = kept(now)
        now["status-records aws:dynamodb/table:Table"] = now.pop(TABLE)

        assert self.lost(before, now) == [TABLE]

        now["status-records aws:dynamodb/table:Table"]["aliases"] = ["status-uploads"]
        assert self.lost(before, now) == []

    def test_by_another_address_of_the_api_is_found(self, now: dict[str, Any]) -> None:
        before = kept(now)
        now["upload-api aws:apigateway/restApi:RestApi"] = now.pop(API)

        assert self.lost(before, now) == [API]

    def test_by_another_parent_is_found(self, now: dict[str, Any]) -> None:
        before = kept(now)
        now[BUCKET]["parent"] = "upload-api portage:index:UploadApi"

        assert self.lost(before, now) == [BUCKET]

    def test_by_an_input_that_aws_cannot_change_is_found(self, now: dict[str, Any]) -> None:
        before = kept(now)
        now[TABLE]["inputs"]["rangeKey"] = "another"

        assert self.lost(before, now) == [TABLE]

    @staticmethod
    def lost(before: Mapping[str, Any], now: Resources) -> list[str]:
        return [" ".join(line.split(" ")[:2]) for line in broken(before, now)]
