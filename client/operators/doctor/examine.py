"""The doctor's report: which parts it has, and how they are written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from rich.filesize import decimal

from . import abandoned, cost, drift, quotas, settings
from .account import Account, Gone, NotRead
from .findings import Finding, Severity
from .prices import Prices
from .resources import Stack

PARTS = "abandoned parts"
COST = "cost"


ODD = (AttributeError, LookupError, TypeError, ValueError, msgspec.MsgspecError)
"""What a value raises that has another form than the provider lets it have."""


@dataclass(frozen=True)
class Row:
    """A line of the report."""

    text: str
    fields: dict[str, Any]
    is_error: bool = False


@dataclass(frozen=True)
class Examination:
    """What to look at, and with which limits."""

    stack: Stack
    account: Account
    prices: Prices
    now: datetime
    has_time: Callable[[], bool]
    """Whether there is time left to list parts."""
    load: cost.Load | None = None

    def rows(self, on_progress: Callable[[int], None]) -> Iterator[Row]:
        """Yield the report section by section."""
        here = self.stack.within(self.account.region)
        yield from _section(quotas.SECTION, quotas.check(self.stack, self.account))
        yield from _section(settings.SECTION, settings.check(self.stack))
        yield from _section(drift.SECTION, drift.check(here, self.account))
        yield from _section(settings.NOW, settings.check_now(here, self.account, self.now))
        yield from self._abandoned(on_progress)
        if self.load is not None:
            try:
                yield from self._cost(self.load)
            except ODD as error:
                yield from _section(COST, iter([Finding(COST, Severity.NOT_CHECKED, "cost", _odd(error))]))

    def _abandoned(self, on_progress: Callable[[int], None]) -> Iterator[Row]:
        bucket = self.stack.outputs.get("ingestBucket")
        if not bucket:
            return
        try:
            listing = abandoned.read(
                self.account,
                str(bucket),
                before=self.now - abandoned.ABANDONED_AFTER,
                has_time=self.has_time,
                on_progress=on_progress,
            )
        except (NotRead, Gone) as error:
            finding = Finding(PARTS, Severity.NOT_CHECKED, "uploads in parts", str(error))
            yield from _section(PARTS, iter([finding]))
            return
        yield Row(f"{PARTS} (of uploads that were started more than a day ago)", {})
        shares = abandoned.by_owner(listing.uploads, self.prices["s3_storage"], self.now)
        for each in shares:
            text = (
                f"  {each.owner}  {each.uploads} uploads  {decimal(each.size_bytes)}  since {each.oldest:%Y-%m-%d}  "
                f"{_usd(each.monthly_usd)} a month"
            )
            fields = {"owner": each.owner, "uploads": each.uploads, "size_bytes": each.size_bytes}
            more = {"oldest": each.oldest.isoformat(), "monthly_usd": round(each.monthly_usd, 4)}
            yield Row(text, {"section": PARTS, **fields, **more})
        total_usd, count = sum(each.monthly_usd for each in shares), sum(each.uploads for each in shares)
        rest = "" if listing.is_complete else ", and more: the time was not enough. Raise --timeout"
        yield Row(
            f"  {count} of {len(listing.uploads)} uploads in parts are abandoned: {_usd(total_usd)} a month{rest}",
            {
                "section": PARTS,
                "total_monthly_usd": round(total_usd, 4),
                "uploads": count,
                "is_complete": listing.is_complete,
            },
        )

    def _cost(self, load: cost.Load) -> Iterator[Row]:
        shape = cost.shape_of(self.stack)
        lines = cost.bill(load, shape, self.prices)
        yield Row(
            f"{COST} of a month: {load.uploads_per_day:g} uploads a day of {decimal(int(load.average_size_bytes))}, "
            f"each with {load.polls_per_upload:g} requests for its status. List prices of {self.prices.region}",
            {},
        )
        for group in dict.fromkeys(line.group for line in lines):
            yield Row(f"  {group}: {_usd(cost.total(lines, group))}", {})
            for line in lines:
                if line.group == group:
                    yield _line(line)
        for name, usd in _comparison(lines).items():
            yield Row(f"  {name}: {_usd(usd)}", {"section": COST, "total": name, "usd": round(usd, 4)})
        if self.prices.region != self.account.region:
            text = f"no prices of {self.account.region} are known: give them with --prices"
            yield Row(f"  {text}", {"section": COST, "note": text})


def _line(line: cost.Line) -> Row:
    price = line.price
    unit = f"{price.usd:g} USD" + (f" per {price.per:,.0f}" if price.per != 1 else "")
    checked = price.checked.isoformat() if price.checked else None
    return Row(
        f"    {line.item:<40}{line.quantity:>18,.2f} {price.unit:<12} x {unit:<24}{_usd(line.usd):>14}"
        + ("" if checked else "  (price not compared with its source)"),
        {
            "section": COST,
            "group": line.group,
            "item": line.item,
            "quantity": round(line.quantity, 4),
            "unit": price.unit,
            "usd_per": [price.usd, price.per],
            "usd": round(line.usd, 4),
            "source": price.source,
            "checked": checked,
        },
    )


def _comparison(lines: list[cost.Line]) -> dict[str, float]:
    rest = (cost.SHARED, cost.STANDING)
    return {
        "all, presigned and with the status from DynamoDB": cost.total(lines, cost.PRESIGNED, cost.DIRECT, *rest),
        "all, through the gateway and with the status by Lambda": cost.total(
            lines, cost.PROXIED, cost.BY_LAMBDA, *rest
        ),
    }


def _section(title: str, findings: Iterator[Finding]) -> Iterator[Row]:
    found: list[Finding] = []
    try:
        found.extend(findings)
    except ODD as error:
        found.append(Finding(title, Severity.NOT_CHECKED, "all after it", _odd(error)))
    if found:
        yield Row(title, {})
    for each in found:
        yield Row(each.text, each.fields, is_error=each.severity is Severity.ERROR)


def _odd(error: Exception) -> str:
    """Describe an odd value without it, because it may be secret."""
    return f"the file or an answer has a value of another form than AWS's provider writes ({type(error).__name__})"


def _usd(value: float) -> str:
    return f"{value:,.2f} USD"
