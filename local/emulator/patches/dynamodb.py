"""Patch of DynamoDB: each expression is parsed once.

AWS: a Query of 5,000 small items takes a few tenths of a second, and does not delay other requests.
MiniStack: parses the expression again for each item of the partition, with one thread for all requests. While several
clients query a partition of thousands of items, other calls wait for longer than their timeouts.
Here: what depends on the expression's text alone is kept.
"""

from functools import lru_cache

from local.emulator import patching

_MODULE = "ministack.services.dynamodb"
_PARSERS = ("_tokenize", "_condition_syntax_error")
"""Pure functions. Their callers only read what they return."""
_KEPT_EXPRESSIONS = 512


def patch() -> None:
    """Keep what each parser returned for an expression."""
    for parser in _PARSERS:
        patching.replace(_MODULE, parser, lru_cache(_KEPT_EXPRESSIONS))
