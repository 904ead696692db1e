"""Local mode: the whole program on this machine, with no AWS account, no Docker and no Pulumi CLI."""
