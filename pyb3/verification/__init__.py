"""Verify: the cached files read once more, and held against the table."""

from .given_files import of_files
from .verification import Difference, Verified, verify

__all__ = ["Difference", "Verified", "of_files", "verify"]
