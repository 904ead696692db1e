"""The declaration of an upload's fields: each one once, in the type that holds it.

    place: int | None = None                                          in the record
    size_bytes: Annotated[int, public("Size of the file in bytes")]   in the record, and shown by the API

The record in DynamoDB (storage/items.py), the view of the API (http/view.py), the contract's schema and the mapping
template of GET /uploads/{upload_id} (components/api/) follow from these annotations. The hot functions import them:
this module imports only typing and functools.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

NamedTupleType = type[tuple[Any, ...]]
"""A NamedTuple class."""


class Mark:
    """What an annotation declares about a field, in addition to name and type. Use NOT_STORED, GROUP or public()."""

    # Plain classes: making a NamedTuple class takes ten times as long, at each cold start.
    def __init__(
        self,
        description: str = "",
        *,
        is_group: bool = False,
        is_public: bool = False,
        is_stored: bool = True,
        shown_in: str | None = None,
    ) -> None:
        self.description = description
        self.is_group = is_group
        self.is_public = is_public
        self.is_stored = is_stored
        self.shown_in = shown_in
        """The only status in which the API shows the field; None for every status."""


STORED = Mark()
"""The mark of a field without annotation: the record has the field, and the API does not show it."""

NOT_STORED = Mark(is_stored=False)
"""The record does not have the field."""

GROUP = Mark(is_group=True)
"""The field is a NamedTuple that declares fields itself; the record has them beside its other fields."""


def public(description: str, *, shown_in: str | None = None) -> Mark:
    """Mark a field that the record has and the API shows, in every status of an upload or in one."""
    return Mark(description, is_public=True, shown_in=shown_in)


class Field:
    """A declared field."""

    def __init__(self, name: str, kind: Any, mark: Mark, *, is_optional: bool, path: tuple[str, ...]) -> None:
        self.name = name
        """The same in Python, in the record and in the API."""
        self.kind = kind
        """str, int, datetime, a StrEnum, or a NamedTuple class of texts; for a group, its NamedTuple class."""
        self.mark = mark
        self.is_optional = is_optional
        self.path = path
        """Attributes from the upload to the value."""

    def of(self, upload: object) -> Any:
        """Return the field's value; None if the upload has none."""
        value: Any = upload
        for attribute in self.path:
            if value is None:
                return None
            value = getattr(value, attribute)
        return value


@cache
def declared_fields(shape: NamedTupleType) -> tuple[Field, ...]:
    """Return the stored fields and the groups that a type declares, in their order."""
    fields = [_field(name, annotation) for name, annotation in shape.__annotations__.items()]
    return tuple(field for field in fields if field.mark.is_stored)


@cache
def all_fields(shape: NamedTupleType) -> tuple[Field, ...]:
    """Return the fields of a type and of its groups, in their order."""
    return tuple(_flat(shape))


def _flat(shape: NamedTupleType) -> Iterator[Field]:
    for field in declared_fields(shape):
        if not field.mark.is_group:
            yield field
            continue
        for inner in _flat(field.kind):
            is_optional = field.is_optional or inner.is_optional
            yield Field(inner.name, inner.kind, inner.mark, is_optional=is_optional, path=field.path + inner.path)


def _field(name: str, annotation: Any) -> Field:
    (mark,) = getattr(annotation, "__metadata__", (STORED,))
    kind = getattr(annotation, "__origin__", annotation)
    alternatives = get_args(kind)  # of `kind | None`
    is_optional = bool(alternatives)
    return Field(name, alternatives[0] if is_optional else kind, mark, is_optional=is_optional, path=(name,))
