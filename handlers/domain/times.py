"""Times as the API, the table and signatures have them."""

from datetime import UTC, datetime, timedelta


def url_expiry(now: datetime, expires_in_seconds: int) -> datetime:
    """Return when a URL that is signed now expires. A signature's time has no fraction of a second."""
    return now.replace(microsecond=0) + timedelta(seconds=expires_in_seconds)


def iso(moment: datetime) -> str:
    """Write a time in UTC to the millisecond: the format of API, table and results."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
