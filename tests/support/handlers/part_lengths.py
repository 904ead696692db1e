"""The planned length of a part, as tests ask for it."""

from handlers.domain.plan import Parts


def length_of(parts: Parts, number: int) -> int:
    """Return the bytes of a part, counted from 1."""
    (length,) = [length for numbers, length in parts.runs() if number in numbers]
    return length
