"""What AWS charges, by region: prices.toml, or a file of the same form."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ...errors import WrongUsage

DEFAULT_REGION = "us-east-1"
"""Its prices stand for those of regions that the file does not have."""
_MOST = 1e15
_FILE = Path(__file__).with_name("prices.toml")


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list price."""

    usd: Annotated[float, msgspec.Meta(ge=0, le=_MOST)]
    per: Annotated[float, msgspec.Meta(ge=1, le=_MOST)]
    """For how many units."""
    unit: str
    source: str
    checked: dt.date | None = None
    """When it was compared with its source. None if only by memory: compare it before you rely on it."""

    def of(self, quantity: float) -> float:
        """Return the price of a quantity in USD."""
        return quantity / self.per * self.usd


@dataclass(frozen=True)
class Prices:
    """The prices of a region."""

    region: str
    """The region that was asked for, or DEFAULT_REGION in its place."""
    by_name: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.by_name[name]


def load(region: str, override: Path | None = None) -> Prices:
    """Return a region's prices. A file given replaces single prices. Raises WrongUsage if it is wrong."""
    ours = _read(_FILE)
    theirs = _read(override) if override is not None else {}
    known = region if region in ours or region in theirs else DEFAULT_REGION
    prices = {**ours[DEFAULT_REGION], **ours.get(known, {}), **theirs.get(known, {})}
    if unknown := sorted(theirs.get(known, {}).keys() - ours[DEFAULT_REGION].keys()):
        raise WrongUsage(f"{override}: no price is named {unknown[0]}: use {', '.join(sorted(ours[DEFAULT_REGION]))}")
    return Prices(known, prices)


def _read(path: Path) -> dict[str, dict[str, Price]]:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text())
        return msgspec.convert(document, dict[str, dict[str, Price]])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"{path}: {error}. Each price is a table [REGION.NAME] with usd, per, unit and source"
        ) from error
