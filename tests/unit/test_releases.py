"""A stack of any release can be upgraded: nothing that keeps data is replaced, renamed or moved."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import golden
from tests.support.releases import FOLDER, Resources, broken, kept, of_dump

BUCKET = "upload-api-ingest aws:s3/bucket:Bucket"
TABLE = "status-uploads aws:dynamodb/table:Table"
RELEASES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("stack", golden.STACKS)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_an_upgrade_keeps_what_has_data(release: Path, stack: str) -> None:
    before = yaml.safe_load(release.read_text())[stack]

    assert {BUCKET, TABLE} <= before.keys()
    assert list(broken(before, of_dump(golden.path_of(stack)))) == []


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
