from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client.fake_portage import FakePortage
from tests.support.client.fake_s3 import refused
from tests.support.client.fake_server import Reaction
from tests.support.client.multipart import ALONE, QUICK, Open, assert_arrived


class TestSignatures:
    def test_that_have_expired_are_renewed(self, fake: FakePortage, open_portage: Open, file: Path) -> None:
        """S3 uses its own clock to reject a signature."""
        fake.on_part = lambda number, tries: (
            refused(403, "AccessDenied", "Request has expired") if number == 6 and tries == 1 else None
        )
        open_portage().upload(file)
        assert_arrived(fake, file)
        assert (6, 6) in fake.signed

    def test_that_are_about_to_expire_are_not_used(
        self, fake: FakePortage, open_portage: Open, file: Path, later: Callable[[float], None]
    ) -> None:
        fake.on_part = lambda number, _tries: later(880) if number == 5 else None
        open_portage(ALONE).upload(file)
        assert_arrived(fake, file)
        assert fake.signed == [(1, 10), (6, 10)]
        assert fake.tries.total() == 10, "no part was refused for its age"

    def test_that_expire_while_a_part_is_tried_again_are_renewed(
        self, fake: FakePortage, open_portage: Open, file: Path, later: Callable[[float], None]
    ) -> None:
        def busy(number: int, tries: int) -> Reaction | None:
            if number == 5 and tries == 1:
                later(1000)
                return refused(503, "SlowDown")
            return None

        fake.on_part = busy
        open_portage(ALONE).upload(file)
        assert_arrived(fake, file)
        assert fake.signed == [(1, 10), (5, 5), (6, 10)]
        assert fake.tries.total() == 11, "no part was refused for its age"

    @pytest.mark.parametrize("hours", [-5, 5])
    def test_are_good_whatever_this_machines_clock_says(
        self, fake: FakePortage, open_portage: Open, file: Path, hours: int
    ) -> None:
        fake.clock_ahead_seconds = hours * 3600
        open_portage().upload(file)
        assert_arrived(fake, file)
        assert fake.signed == [(1, 10)]

    def test_need_a_session_that_is_renewed_by_the_listing(
        self, fake: FakePortage, open_portage: Open, file: Path
    ) -> None:
        fake.on_part = lambda number, _tries: fake.sessions.clear() if number == 1 else None
        open_portage(replace(QUICK, parts_signed_at_once=5, first_connections=1)).upload(file)
        assert_arrived(fake, file)
        assert fake.calls.count("GET /parts") == 2
