"""Runs the program of the current test."""

from tests.support.components import recording

recording.run_the_program()
