"""What a file's first bytes tell: B3 answers 200 with pages and empty archives too."""

from __future__ import annotations

HEAD = 4096  # bytes that tell what a file is
_BLANKS = b"\xef\xbb\xbf \r\n\t"
EMPTY_ZIP = b"PK\x05\x06"


def is_html(head: bytes) -> bool:
    """Whether the bytes begin an HTML page, after a byte order mark and blanks."""
    return head.lstrip(_BLANKS)[:15].lower().startswith((b"<!doctype html", b"<html"))


def is_empty_zip(head: bytes) -> bool:
    """Whether the bytes begin a ZIP without entries: pesquisapregao's way to say that there is no file."""
    return head.startswith(EMPTY_ZIP)


def is_zip(head: bytes) -> bool:
    """Whether the bytes begin a ZIP, or a self-extracting one behind its Windows stub."""
    return head.startswith((b"PK\x03\x04", EMPTY_ZIP, b"MZ"))


def empty_table(keeps: int) -> str:
    """What to say of a table of B3's bulletin without rows, which it answers with 200 for a day outside its window."""
    window = f"; B3 keeps such a table for the last {keeps} days or so" if keeps else ""
    return f"B3 answered an empty table: it has that day no more, or not yet{window}"
