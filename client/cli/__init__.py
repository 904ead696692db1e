"""The `portage` command."""
