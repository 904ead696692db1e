import contextlib
import io
import re

import pytest
from rich.console import Console

from local.display import LiveDisplay, PlainDisplay, open_display, print_facts, print_text

LONG = "s3://bucket/" + "x" * 200


class TestPlainLines:
    def test_tell_each_step_its_notes_and_what_came_of_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        with PlainDisplay(["Deploy", "Send"]) as display:
            with display.step("Deploy") as step:
                step.notes.append("a note")
                step.outcome = "12 resources"
            with display.step("Send"):
                pass
        assert re.sub(r"\d\.\d s", "N s", capsys.readouterr().out) == (
            "Deploy\n    a note\n    done: 12 resources (N s)\nSend\n    done (N s)\n"
        )

    def test_name_a_step_before_it_is_taken(self, capsys: pytest.CaptureFixture[str]) -> None:
        with PlainDisplay(["Deploy"]) as display, display.step("Deploy"):
            assert capsys.readouterr().out == "Deploy\n"

    def test_tell_which_step_failed(self, capsys: pytest.CaptureFixture[str]) -> None:
        with PlainDisplay(["Deploy"]) as display, contextlib.suppress(ValueError), display.step("Deploy") as step:
            step.outcome = "3 resources so far"
            raise ValueError("cause")
        assert "    FAILED: 3 resources so far (0.0 s)" in capsys.readouterr().out

    def test_are_chosen_where_output_is_no_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert isinstance(open_display(["Deploy"]), PlainDisplay)


class TestTheLiveTable:
    @pytest.fixture
    def screen(self) -> io.StringIO:
        return io.StringIO()

    @pytest.fixture
    def display(self, screen: io.StringIO) -> LiveDisplay:
        console = Console(file=screen, force_terminal=True, width=80, color_system=None)
        return LiveDisplay(["Deploy", "Send", "Look"], console)

    def test_ends_with_a_mark_for_every_step(self, display: LiveDisplay, screen: io.StringIO) -> None:
        with display:
            with display.step("Deploy") as step:
                step.outcome = "12 resources"
                step.notes.append("a note")
            with contextlib.suppress(ValueError), display.step("Send"):
                raise ValueError("cause")
        last = screen.getvalue()[-400:]
        assert re.search(r"✓ +Deploy +12 resources +0\.0 s", last)
        assert "a note" in last
        assert re.search(r"✗ +Send", last)
        assert re.search(r"· +Look", last)

    def test_draws_a_bar_while_bytes_go_out(self, display: LiveDisplay, screen: io.StringIO) -> None:
        with display, display.step("Send") as step:
            step.bytes_total = 25_000_000
            step.bytes_done = 10_000_000
            display.refresh()
            assert "10.0 of 25.0 MB" in screen.getvalue()
            assert "━" in screen.getvalue()


class TestWhatIsToBeCopied:
    def test_is_never_broken_into_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_facts("Places", {"Object": LONG, "API": "http://127.0.0.1/[1]"})
        print_text("Example", f"curl {LONG}")
        told = capsys.readouterr().out
        assert f"  Object  {LONG}\n  API     http://127.0.0.1/[1]\n" in told
        assert f"\ncurl {LONG}\n" in told

    def test_holds_no_control_codes_where_output_is_no_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_facts("Places", {"Object": "a"})
        print_text("Example", "b")
        assert "\x1b" not in capsys.readouterr().out
