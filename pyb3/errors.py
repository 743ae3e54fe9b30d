"""Every error PyB3 raises: what is wrong, what to do next, and the exit code it ends in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def one_line(words: object) -> str:
    """What is said, on one line: libraries break theirs, and a file's bytes must not steer a terminal."""
    line = " ".join(str(words).split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)


def shortened(text: str, most: int = 80) -> str:
    """A text out of a file, as far as it helps to find it."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def counted(number: int, what: str) -> str:
    """A number and what it counts: `1 row`, `2,000 rows`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


class PyB3Error(Exception):
    """Something failed for a reason no other class names."""

    code = "failed"
    exit_code = 1
    hint: str = ""

    def __str__(self) -> str:
        # A file's own text is quoted: what would break the line or steer a terminal is spelled out.
        message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in super().__str__())
        return f"{message} ({self.hint})" if self.hint else message


class UsageError(PyB3Error):
    """The command line or an argument is wrong."""

    code = "usage"
    exit_code = 2


class NoSession(PyB3Error):
    """B3 held no session on that day."""

    code = "no_session"
    exit_code = 3


class NotPublished(PyB3Error):
    """B3 has not (or no longer) a file for that day."""

    code = "not_published"
    exit_code = 3


class SourceError(PyB3Error):
    """The network failed, or B3's answer is not what the template says."""

    code = "source"
    exit_code = 5


class FileError(PyB3Error):
    """A file is damaged, incomplete or of another kind or date."""

    code = "file"
    exit_code = 6


class Incomplete(FileError):
    """The file holds fewer records than it says."""

    code = "file-incomplete"
    hint = "load what is there with --allow-incomplete"


class WrongDate(FileError):
    """The file is of another date than the one asked for."""

    code = "file-wrong-date"


class FieldInvalid(FileError):
    """A value does not parse; the message names file, line, field and text."""

    code = "field-invalid"

    def __init__(self, file: str, line: int, field: str, text: str, expected: str) -> None:
        self.field, self.reason = field, f'"{shortened(text)}" is not {expected}'
        super().__init__(f"{file} line {line:,}, field {field}: {self.reason}")


class DuplicateKey(FileError):
    """Two records of one file share a key and differ."""

    code = "duplicate-key"


class CheckFailed(FileError):
    """Rows break a check that the dataset's template calls hard."""

    code = "contract"
    hint = "without --strict such rows are set aside and the others loaded"


class NotWritable(PyB3Error):
    """A file cannot be written: rights, a full disk, or something else in its place."""

    code = "not-writable"


class NotDelivered(PyB3Error):
    """A message to PYB3_NOTIFY_URL did not arrive."""

    code = "not-delivered"


class TemplateError(PyB3Error):
    """A dataset's YAML template is wrong."""

    code = "template"


class DatabaseError(PyB3Error):
    """The database cannot be reached, or refused the work."""

    code = "database"
    exit_code = 7


class SchemaNotCurrent(DatabaseError):
    """The database's schema is older than this program."""

    code = "schema"
    hint = "run 'pyb3 db upgrade'"


class SchemaNewer(DatabaseError):
    """The database's schema is newer than this program."""

    code = "schema-newer"
    hint = "upgrade PyB3, or take the schema back with the newer PyB3's 'pyb3 db downgrade'"


class Interrupted(PyB3Error):
    """The work was ended from outside; the unit at hand is rolled back."""

    code = "interrupted"
    exit_code = 130


class MissingSessions(UserWarning):
    """A warning: B3 has no file of some of the sessions asked for."""


class PartialData(UserWarning):
    """A warning: some records or values could not be read, or something of a file is missing; the rest is there.

    `rejected` are the records and values that were set aside (file, line, field, reason, text of the record).
    """

    def __init__(self, message: str, rejected: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.rejected = rejected


class LeftOut(UserWarning):
    """A warning: an archive contains files that were not read."""
