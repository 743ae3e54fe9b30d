"""Dates as HTTP headers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(text: str) -> datetime | None:
    """The time with its zone, None where the text is no date."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the year 99999999999999999999
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # "-0000" is UTC of unknown origin
