"""What can go wrong with an answer of B3's: each fault says what it does, and to which requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from . import generate

CONSENT_PAGE = (
    b'<!DOCTYPE html>\n<html lang="pt-br"><head><title>B3 - Arquivos</title></head>\n'
    b"<body><h1>Termos de uso</h1><form><button>Aceito</button></form><!-- consent --></body></html>\n"
)
CAPTCHA_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>\n"
    b'<body><div class="g-recaptcha" data-sitekey="x"></div><noscript>Enable JavaScript</noscript></body></html>\n'
)
ERROR_PAGE = (
    b'<!DOCTYPE html>\n<html lang="pt-br"><head><title>B3</title></head>\n'
    b"<body><h1>P\xc3\xa1gina n\xc3\xa3o encontrada</h1></body></html>\n"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the simulator sends: `chunked` without a length, as B3 sends what it makes on the fly."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/octet-stream"
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, spent by the first request whose path holds the pattern `where`, `times` times.

    `kind` is a name of KINDS, or "status". `retry_after` is seconds, an HTTP date, or a time still to come as a
    timedelta. "slow" takes `seconds` for the body, "stall" is silent so long; "reset" and "stall" come `after` so many
    bytes of the body. "wrong length" says `by` more or fewer bytes than there are. "change" passes every text of the
    answer, however packed, through `change`. "redirect elsewhere" goes to `location`.
    """

    kind: str = "status"
    where: str = ""
    times: int = 1
    status: int | None = None
    retry_after: float | str | timedelta | None = None
    seconds: float | None = None
    after: int | None = None
    by: int = -10
    location: str = "http://127.0.0.1:9/private"
    change: Callable[[bytes], bytes] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(sorted(KINDS))}")

    @classmethod
    def of(cls, value: int | str | Mapping[str, Any] | Fault) -> Fault:
        """A fault from its short form: a status, a name, or the fields in a dict."""
        if isinstance(value, Fault):
            return value
        if isinstance(value, int):
            return cls(status=value, retry_after=0)
        return cls(kind=value) if isinstance(value, str) else cls(**value)

    def meets(self, path: str) -> bool:
        return re.search(self.where, path) is not None

    def spent(self) -> Fault | None:
        """What is left of it after one request."""
        return replace(self, times=self.times - 1) if self.times > 1 else None

    @property
    def waiting(self) -> tuple[tuple[str, str], ...]:
        """The Retry-After header."""
        if self.retry_after is None:
            return ()
        if isinstance(self.retry_after, timedelta):
            return (("Retry-After", format_datetime(datetime.now(UTC) + self.retry_after, usegmt=True)),)
        return (("Retry-After", str(self.retry_after)),)

    def applied(self, answer: Answer) -> Answer:
        """The answer that this fault makes of a good one; how it is sent is the server's to do."""
        make = KINDS[self.kind]
        return answer if make is None else make(self, answer)


def _page(body: bytes, status: int = 200) -> Callable[[Fault, Answer], Answer]:
    return lambda fault, answer: Answer(body, fault.status or status, "text/html; charset=utf-8", fault.waiting)


def _status(fault: Fault, answer: Answer) -> Answer:
    return Answer(b"", fault.status or 503, "text/plain", fault.waiting)


def _to_error_page(fault: Fault, answer: Answer) -> Answer:
    return Answer(b"", fault.status or 302, "text/html", (("Location", "/www.b3.com.br/pt_br/erro.htm"),))


def _elsewhere(fault: Fault, answer: Answer) -> Answer:
    return Answer(b"", fault.status or 302, "text/html", (("Location", fault.location),))


def _rewriting(change: Callable[[bytes], bytes]) -> Callable[[Fault, Answer], Answer]:
    return lambda fault, answer: replace(answer, body=generate.rewritten(answer.body, fault.change or change))


def _with_bom(text: bytes) -> bytes:
    return text if text.startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf" + text


def _latin1(text: bytes) -> bytes:
    return text.decode("utf-8-sig", "replace").encode("latin-1", "replace")


def _utf8(text: bytes) -> bytes:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text


def _columns(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    """A change to every line of a CSV that has the header's columns."""

    def changed(text: bytes) -> bytes:
        lines = text.split(b"\n")
        width = max(line.count(b";") for line in lines)
        for number, line in enumerate(lines):
            if width and line.count(b";") == width:
                end = b"\r" if line.endswith(b"\r") else b""
                lines[number] = b";".join(change(line.rstrip(b"\r").split(b";"))) + end
        return b"\n".join(lines)

    return changed


def _added(fields: list[bytes]) -> list[bytes]:
    return [*fields[:3], b"NewColNm" if fields[1:2] == [b"TckrSymb"] else b"X", *fields[3:]]


# None where the fault is in the sending.
KINDS: dict[str, Callable[[Fault, Answer], Answer] | None] = {
    "status": _status,
    "html": _page(CONSENT_PAGE),
    "captcha": _page(CAPTCHA_PAGE),
    "empty": lambda fault, answer: replace(answer, body=b""),
    "empty zip": lambda fault, answer: replace(answer, body=generate.EMPTY_ZIP),
    "cut zip": lambda fault, answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "redirect error page": _to_error_page,
    "redirect elsewhere": _elsewhere,
    "bom": _rewriting(_with_bom),
    "latin1": _rewriting(_latin1),
    "utf8": _rewriting(_utf8),
    "added column": _rewriting(_columns(_added)),
    "missing column": _rewriting(_columns(lambda fields: [fields[0], *fields[2:]])),
    "columns in another order": _rewriting(_columns(lambda fields: [*fields[1:], fields[0]])),
    "change": _rewriting(lambda text: text),
    "other day": None,
    "cut": None,
    "wrong length": None,
    "reset": None,
    "stall": None,
    "slow": None,
}
