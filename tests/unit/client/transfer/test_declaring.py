"""A declaration makes one upload, even if its answer is lost."""

from pathlib import Path

import pytest

from client import ApiProblem, UploadEnded
from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Handler, Reaction
from tests.support.client.multipart import Open, assert_arrived, interrupted

EXPIRED = refused(403, "AccessDenied", "Request has expired")


@pytest.mark.usefixtures("pauses")
@pytest.mark.parametrize("method", ["put", "post", "multipart"])
@pytest.mark.parametrize("losses", [1, 3])
def test_an_answer_that_is_lost_leaves_no_second_upload(
    fake: FakePortage, open_portage: Open, file: Path, method: str, losses: int
) -> None:
    fake.will(*[fake.lose_answer] * losses)
    assert open_portage().upload(file, method=method).upload_id == "u1"
    assert list(fake.uploads) == ["u1"]
    assert [status for call, _, status, _ in fake.exchanges if call == "POST/uploads"] == [201] * (losses + 1)


@pytest.mark.usefixtures("pauses")
def test_any_answer_of_an_upload_in_parts_may_be_lost(fake: FakePortage, open_portage: Open, file: Path) -> None:
    lost: list[str] = []
    serve = fake.serve

    def lose_each_once(handler: Handler) -> None:
        call = f"{handler.command} {handler.path}"
        if handler.path.startswith("/uploads") and call not in lost:
            lost.append(call)
            fake.lose_answer(handler)
        else:
            serve(handler)

    fake.serve = lose_each_once
    open_portage().upload(file)
    assert_arrived(fake, file)
    assert len(lost) == 4


class TestAFreshPermission:
    @pytest.mark.parametrize(("method", "status"), [("put", "aborted"), ("post", "aborted"), ("put", "expired")])
    def test_is_of_no_use_once_the_upload_has_ended_without_its_bytes(
        self, fake: FakePortage, open_portage: Open, file: Path, method: str, status: str
    ) -> None:
        def end(_number: int, _tries: int) -> Reaction:
            fake.only.status = status
            return EXPIRED

        fake.on_part = end
        with pytest.raises(UploadEnded, match=f"upload u1 is {status} and accepts no more bytes"):
            open_portage().upload(file, method=method)

    @pytest.mark.parametrize(
        ("method", "status"),
        [
            *(("put", status) for status in ("uploaded", "processing", "completed", "failed", "rejected")),
            ("post", "uploaded"),
        ],
    )
    def test_is_not_needed_if_the_file_is_there_already(
        self, fake: FakePortage, open_portage: Open, file: Path, method: str, status: str
    ) -> None:
        """Its answer was lost, its event was not, and then the URL expired."""

        def stored_all_the_same(_number: int, _tries: int) -> Reaction:
            fake.only.status = status
            return EXPIRED

        fake.on_part = stored_all_the_same
        assert open_portage().upload(file, method=method).status == status
        assert fake.tries[0] == 1


class TestAMethod:
    def test_that_is_asked_for_is_declared(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        open_portage().upload(file, method="put")
        assert fake.only.declared["method"] == "put"

    def test_is_the_apis_to_choose_otherwise(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        open_portage().upload(file)
        assert "method" not in fake.only.declared

    @pytest.mark.parametrize(
        ("method", "upload_id"), [(None, "u1"), ("multipart", "u1"), ("put", "u2"), ("post", "u2")]
    )
    def test_goes_before_going_on_with_what_was_begun(
        self, fake: FakePortage, open_portage: Open, file: Path, method: str | None, upload_id: str
    ) -> None:
        interrupted(open_portage, fake, file, 1)
        assert open_portage().upload(file, method=method).upload_id == upload_id


def test_a_file_over_the_quota_is_refused_with_the_limit(fake: FakePortage, open_portage: Open, file: Path) -> None:
    fake.max_upload_bytes = 1000
    with pytest.raises(ApiProblem, match="403 quota-exceeded: Each upload may have 1000 bytes") as caught:
        open_portage().upload(file)
    assert caught.value.type == "urn:portage:problem:quota-exceeded"
