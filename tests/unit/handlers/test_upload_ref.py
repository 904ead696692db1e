import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.domain.errors import UnknownUpload
from handlers.domain.upload_ref import OPEN_SHARDS, UploadRef
from tests.support.each_case import each_case

ids = st.text(st.characters(blacklist_characters="/", blacklist_categories=["Cs"]), min_size=1)


class TestKeys:
    def test_an_object_lies_under_its_owner(self) -> None:
        assert UploadRef("me", "1").object_key == "uploads/me/1"

    def test_a_result_lies_under_its_owner_too(self) -> None:
        assert UploadRef("me", "1").result_key == "results/me/1.json"

    @given(ids, ids)
    def test_an_object_key_leads_back_to_its_upload(self, owner: str, upload_id: str) -> None:
        ref = UploadRef(owner, upload_id)
        assert UploadRef.from_object_key(ref.object_key) == ref

    @each_case(
        "key",
        [
            "",
            "uploads",
            "uploads/",
            "uploads//",
            "uploads/me",
            "uploads/me/",
            "uploads//1",
            "uploads/me/1/",
            "uploads/me/1/2",
            "/uploads/me/1",
            "Uploads/me/1",
            "me/1",
            "results/me/1.json",
            "other/uploads/me/1",
        ],
    )
    def test_any_other_key_names_no_upload(self, key: str) -> None:
        with pytest.raises(
            UnknownUpload, match=re.escape(f"{key!r} is not of the form uploads/{{owner}}/{{upload_id}}")
        ):
            UploadRef.from_object_key(key)

    @given(st.text(st.sampled_from("uploads/x"), max_size=20).map(lambda end: f"uploads/{end}") | st.text())
    def test_a_key_is_taken_exactly_where_it_has_an_owner_and_an_id(self, key: str) -> None:
        if re.fullmatch(r"uploads/[^/]+/[^/]+", key):
            assert UploadRef.from_object_key(key).object_key == key
        else:
            with pytest.raises(UnknownUpload):
                UploadRef.from_object_key(key)


class TestOpenShard:
    @each_case(("upload_id", "shard"), [("", "0"), ("a", "3"), ("b", "1"), ("c", "7")])
    def test_it_never_changes_for_an_upload_that_is_stored(self, upload_id: str, shard: str) -> None:
        assert UploadRef("anybody", upload_id).open_shard == shard

    @given(st.uuids().map(str))
    def test_it_is_one_of_the_shards_that_a_reader_asks(self, upload_id: str) -> None:
        assert int(UploadRef("me", upload_id).open_shard) in range(OPEN_SHARDS)

    def test_uploads_spread_over_all_shards(self) -> None:
        used = {UploadRef("me", f"01985c2e-5a00-7000-8000-{n:012}").open_shard for n in range(200)}
        assert len(used) == OPEN_SHARDS
