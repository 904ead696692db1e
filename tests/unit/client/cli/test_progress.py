import pytest

from client import Progress
from client.cli.output import Lines, show, show_nothing

MEGA = 1_000_000


def at(sent_bytes: int, sent_parts: int) -> Progress:
    return Progress("u1", sent_bytes, 100 * MEGA, sent_parts, 10, 4)


def test_lines_come_every_few_seconds_and_at_the_end() -> None:
    now = [0.0]
    lines: list[str] = []
    tell = Lines("film.mp4", lines.append, clock=lambda: now[0])
    for second in range(21):
        now[0] = second
        tell(at(second * 5 * MEGA, second // 2))
    assert lines == [
        "film.mp4: 25 % of 100.0 MB, 2/10 parts, 5.0 MB/s, 15 s left",
        "film.mp4: 50 % of 100.0 MB, 5/10 parts, 5.0 MB/s, 10 s left",
        "film.mp4: 75 % of 100.0 MB, 7/10 parts, 5.0 MB/s, 5 s left",
        "film.mp4: 100 % of 100.0 MB, 10/10 parts, 5.0 MB/s",
    ]


def test_what_an_earlier_run_sent_is_no_speed_of_this_one() -> None:
    now = [0.0]
    lines: list[str] = []
    tell = Lines("film.mp4", lines.append, clock=lambda: now[0])
    tell(at(80 * MEGA, 8))
    now[0] = 10.0
    tell(at(90 * MEGA, 9))
    assert lines == ["film.mp4: 90 % of 100.0 MB, 9/10 parts, 1.0 MB/s, 10 s left"]


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with show("film [1]\x1b[31m.mp4") as tell:
        tell(at(50 * MEGA, 5))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert r"film [1]\x1b[31m.mp4" in shown.err
    assert "5/10 parts" in shown.err
    assert "4 connections" in shown.err


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with show_nothing("film.mp4") as tell:
        tell(at(1, 0))
    assert capsys.readouterr() == ("", "")
