"""The network that jobs run in."""
