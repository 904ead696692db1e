"""The real Pulumi engine: its CLI, the provider plugin that it calls, and stacks of the program."""
