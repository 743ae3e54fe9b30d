"""Verify: the cached files read once more, and held against the table."""

from .verification import Difference, Verified, verify

__all__ = ["Difference", "Verified", "verify"]
