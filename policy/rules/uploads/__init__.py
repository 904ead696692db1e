"""Rules for what clients upload, which no general pack has."""
