"""Runs the program against the embedded AWS: with the built-in runner, or with the real Pulumi engine."""
