from handlers.processors.child_process import run_in_child
from handlers.processors.progress import ProgressBoard


def test_what_a_child_process_writes_is_read_here() -> None:
    board = ProgressBoard()
    assert board.read() is None

    run_in_child(lambda: board.write(0.5, "half") or "", 30)

    assert board.read() == (50, "half")


def test_a_later_report_replaces_an_earlier_one() -> None:
    board = ProgressBoard()
    board.write(0.1, "a long note")
    board.write(0.2)
    assert board.read() == (20, "")


def test_the_longest_note_fits() -> None:
    board = ProgressBoard()
    board.write(1, "\U0001f600" * 1_000)
    assert board.read() == (100, "\U0001f600" * 200)


def test_a_report_that_is_being_written_is_not_read() -> None:
    board = ProgressBoard()
    board.write(0.1, "one")
    vars(board)["_memory"][6:8] = b"[2"
    assert board.read() is None
