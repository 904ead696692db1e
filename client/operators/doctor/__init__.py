"""Finds what will not fit, what has drifted, what is surprising, and what it costs."""
