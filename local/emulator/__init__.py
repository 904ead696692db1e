"""The embedded AWS: MiniStack in a child process, patched where it differs from AWS."""
