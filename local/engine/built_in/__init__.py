"""The built-in runner: runs the program without the Pulumi CLI."""
