"""Functions and the code that they run."""
