"""The real Pulumi engine on the embedded AWS: its CLI, the provider plugin, and stacks of the program."""
