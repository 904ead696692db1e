"""One Lambda entry a file, and what entries are wired to."""
