"""Runs whatever the test at hand wants recorded."""

from tests.support.components import recording

recording.run_the_program()
