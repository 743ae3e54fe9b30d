"""B3's addresses and what each answers: the files of sessions, the token for a file, the bulletin, the index pages."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from pyb3.calendar import is_session, previous_session, sessions

from . import generate
from .faults import CONSENT_PAGE, ERROR_PAGE, Answer
from .hours import Hours
from .kept import FILES

_HISTORY = "/bvmf.bmfbovespa.com.br/InstDados/SerHist/COTAHIST_"
_SESSION_FILES = "/www.b3.com.br/pesquisapregao/download"
_ERROR_PAGE = "/www.b3.com.br/pt_br/erro.htm"
_CLOSED = "/www2.bmf.com.br/"  # settlement prices and reference rates, closed in December 2025
_DAILY = "/arquivos.b3.com.br/api/download"
_BULLETIN = "/arquivos.b3.com.br/bdi/table/export/csv"
_TABLES = "/arquivos.b3.com.br/bdi/table/classifications"
_LISTED = "/sistemaswebb3-listados.b3.com.br/"
_NOT_FOUND = Answer(ERROR_PAGE, 404, "text/html; charset=utf-8")
_NO_FILE = Answer(
    b'{"type":"https://tools.ietf.org/html/rfc7231#section-6.5.1","title":"Bad Request","status":400}',
    400,
    "application/problem+json; charset=utf-8",
)
_FIRST_REPORT = date(2018, 1, 2)
_NEVER_PUBLISHED = {date(2016, 2, 29), date(2021, 6, 10)}  # days that PR lacks
_OLDEST = {"InstrumentsConsolidated": date(2018, 1, 2), "TradeInformationConsolidated": date(2019, 12, 2)}
_KEPT_SESSIONS = 21
_LARGEST_PAGE = 120  # rows; a larger page is answered without rows, and with null for a total


def last_session() -> date:
    """The last session day in São Paulo, today included."""
    return previous_session(datetime.now(ZoneInfo("America/Sao_Paulo")).date())


@dataclass
class Exchange:
    """B3 as it stands on `today`, a session day: what it has published, at what size, from which seed.

    `rows` sizes every daily file; a day in a monthly or yearly file has `yearly_rows`, or a twentieth of `rows`.
    `absent` are patterns of paths that B3 has nothing at. `versions` is how often it published each session file.
    `file_status` stands in the first line of the daily CSV files; a token lives for `token_seconds`. Where
    `bare_clients_refused`, one that does not call itself a browser gets 403, as from some of B3's front ends.
    `portfolios`, `theoretical` and `statistics` are the days up to which the index pages of that kind are, where that
    is not `today`. `tables` are those that the bulletin's catalogue lists. `no_values` are indexes and years for which
    the statistics answer null. With `hours`, what there is follows from the time that it is at B3, `now`, instead of
    from `today`.
    """

    rows: int = 500
    seed: int = 0
    today: date = field(default_factory=last_session)
    yearly_rows: int | None = None
    absent: list[str] = field(default_factory=list)
    versions: int = 1
    file_status: str = "Final"
    token_seconds: float = 300.0
    bare_clients_refused: bool = False
    tables: list[str] = field(default_factory=lambda: list(generate.TABLES))
    portfolios: date | None = None
    theoretical: date | None = None
    statistics: date | None = None
    no_values: set[tuple[str, int]] = field(default_factory=set)
    hours: Hours | None = None
    now: datetime = field(default_factory=lambda: datetime.now(ZoneInfo("America/Sao_Paulo")))

    def __post_init__(self) -> None:
        self._tokens: dict[str, tuple[str, date, float]] = {}

    def answer(self, method: str, target: str, body: bytes = b"", *, another_day: bool = False) -> Answer:
        """What B3 answers; with `another_day`, the file of the session before the one asked for."""
        split = urlsplit(target)
        path, query = unquote(split.path), {name: values[0] for name, values in parse_qs(split.query).items()}
        missing = any(re.search(pattern, target) for pattern in self.absent)
        shift = _session_before if another_day else _same
        if method == "POST":
            return self._bulletin(body, shift, missing) if path == _BULLETIN else Answer(b"", 405, "text/plain")
        if path.startswith(_HISTORY) and not missing:
            return self._history(path[len(_HISTORY) :], shift)
        if path == _SESSION_FILES and "filelist" in query:
            return self._session_files(query["filelist"], shift, missing)
        if path == f"{_DAILY}/requestname" and not missing:
            return self._token(query.get("fileName", ""), query.get("date", ""))
        if path == f"{_DAILY}/":
            return self._daily(query.get("token", ""), shift)
        if path == _DAILY:
            return Answer(CONSENT_PAGE, 200, "text/html; charset=utf-8")
        if path == _TABLES and not missing:
            return _json(generate.classifications(self.tables))
        if path.startswith(_LISTED):
            return self._listed(path[len(_LISTED) :], shift, missing)
        if path.startswith(_CLOSED):
            return Answer(b"", 302, "text/html", (("Location", _ERROR_PAGE),))
        if path == _ERROR_PAGE:
            return replace(_NOT_FOUND, status=200)
        return _NO_FILE if path.startswith(_DAILY) else _NOT_FOUND

    def published(self, day: date, source: str) -> bool:
        return self.hours.has(source, day, self.now) > 0 if self.hours else day <= self.today and is_session(day)

    def latest(self, source: str) -> date:
        """The last session that a source has; of the index pages, the one that they show."""
        if self.hours is None:
            return self.today
        return self.hours.page(self.now) if source == "index pages" else self.hours.latest(source, self.now)

    def _history(self, name: str, shift: Callable[[date], date]) -> Answer:
        found = re.fullmatch(r"(?:D(\d{2})(\d{2})(\d{4})|M(\d{2})(\d{4})|A(\d{4}))\.ZIP", name, re.IGNORECASE)
        if found is None:
            return _NOT_FOUND
        day, month, year, of_month, year_of_month, whole_year = (int(text) if text else None for text in found.groups())
        many = self.yearly_rows if self.yearly_rows is not None else self.rows // 20
        try:
            if whole_year:
                return self._year(whole_year, many)
            if of_month and year_of_month:
                return self._days(date(year_of_month, of_month, 1), f"COTAHIST_M{found[4]}{found[5]}.TXT", many)
            asked = date(year or 0, month or 0, day or 0)
        except ValueError:
            return _NOT_FOUND
        if not self.published(asked, "COTAHIST_D"):
            return _NOT_FOUND
        shown = shift(asked)
        return self._zip(
            ("day", shown),
            lambda: generate.zipped(f"COTAHIST_D{shown:%d%m%Y}.TXT", self._text([shown], self.rows), shown),
        )

    def _text(self, days: list[date], rows: int) -> bytes:
        return generate.cotahist(days, rows, self.seed)

    def _year(self, year: int, rows: int) -> Answer:
        today = self.latest("COTAHIST_A")
        if not 1986 <= year <= today.year:
            return _NOT_FOUND
        days = sessions(date(year, 1, 1), min(date(year, 12, 31), today))
        if not days:
            return _NOT_FOUND

        def made() -> bytes:
            buffer = io.BytesIO()
            generate.cotahist_stream(buffer, days, rows, self.seed)
            return buffer.getvalue()

        answer = self._zip(("year", year, rows, days[-1]), made)
        return replace(answer, chunked=year == today.year)  # made on the fly: no length

    def _days(self, first: date, name: str, rows: int) -> Answer:
        end = (first + timedelta(31)).replace(day=1) - timedelta(1)
        until = self.hours.month(first, self.now) if self.hours else self.today
        days = sessions(first, min(end, until)) if until else []
        if not days:
            return _NOT_FOUND
        return self._zip(
            ("month", first, rows, days[-1]), lambda: generate.zipped(name, self._text(days, rows), days[-1])
        )

    def _session_files(self, names: str, shift: Callable[[date], date], missing: bool) -> Answer:
        found = {}
        for name in names.split(","):
            data = None if missing else self._session_file(name.strip(), shift)
            if data is not None:
                found[name.strip()] = data
        if len(found) == 1:
            return Answer(next(iter(found.values())), content_type="application/zip")
        if not found:
            return Answer(generate.EMPTY_ZIP, content_type="application/zip")
        return Answer(generate.merged(list(found.values())), content_type="application/zip")

    def _session_file(self, name: str, shift: Callable[[date], date]) -> bytes | None:
        found = re.fullmatch(r"(SPRD|SPRE|PR|IR|IN|TS)(\d{6})\.(zip|ex_)", name)
        if found is None or (found[1] == "TS") != (found[3] == "ex_"):
            return None
        try:
            day = datetime.strptime(found[2], "%y%m%d").date()
        except ValueError:
            return None
        if not self.published(day, found[1]) or (found[1] == "PR" and day in _NEVER_PUBLISHED):
            return None
        if found[1] in ("SPRD", "SPRE", "PR") and day < _FIRST_REPORT:
            return None
        day, kind, rows, seed, versions = shift(day), found[1], self.rows, self.seed, self.versions
        first = False
        if self.hours and kind not in ("IR", "TS"):
            versions, whole = self.hours.has(kind, day, self.now), self.hours.whole(kind, day, self.now)
            first = versions == 1 and not whole and kind != "IN"
            seed += 0 if whole or first else 1  # the evening goes on: what is not the last has other values
        makers: dict[str, Callable[[], bytes]] = {
            "IR": lambda: generate.index_report_zip(day, rows, seed),
            "IN": lambda: generate.instrument_file_zip(day, rows, seed, versions=versions),
            "TS": lambda: generate.swap_rates_zip(day, max(10, min(280, rows // 20)), seed),
        }
        prices = lambda: generate.price_report_zip(day, rows, seed, kind=kind, versions=versions, first=first)  # noqa: E731
        return self._made((kind, day, versions, seed, first), makers.get(kind, prices))

    def _token(self, name: str, day: str) -> Answer:
        name = name.removesuffix("File")
        try:
            when = date.fromisoformat(day)
        except ValueError:
            return _NO_FILE
        if name not in _OLDEST or not is_session(when) or when < _OLDEST[name]:
            return _NO_FILE
        token = ""
        if self.hours and not self.published(when, name):
            return _NO_FILE  # 400 was seen where a file was not out yet (2026-09-09)
        if self.hours or when <= self.today:
            token = base64.b64encode(f"{name}/{when}/{len(self._tokens)}".encode()).decode().rstrip("=")
            self._tokens[token] = (name, when, time.monotonic() + self.token_seconds)
        file = {"name": f"{name}File_{when:%Y%m%d}_1", "extension": ".csv"}
        return _json({"redirectUrl": f"~/download?token={token}", "token": token, "file": file})

    def _daily(self, token: str, shift: Callable[[date], date]) -> Answer:
        name, day, until = self._tokens.get(token, ("", self.today, 0.0))
        if time.monotonic() >= until:
            return _NO_FILE
        day, status = shift(day), self.file_status
        if self.hours and not self.hours.whole(name, day, self.now):
            status = "Parcial"
        make = generate.instruments_consolidated if name == "InstrumentsConsolidated" else generate.trade_information
        body = self._made((name, day, status), lambda: make(day, self.rows, self.seed, status=status))
        heading = f'attachment; filename="{name}File_{day:%Y%m%d}_1.csv"'
        return Answer(body, content_type="text/csv", headers=(("Content-Disposition", heading),))

    def _bulletin(self, body: bytes, shift: Callable[[date], date], missing: bool) -> Answer:
        try:
            asked = json.loads(body)
            day, filters, name = date.fromisoformat(asked["Date"]), asked["Filters"], asked["Name"]
        except (ValueError, KeyError, TypeError):
            return _NO_FILE
        if not isinstance(filters, dict) or name != "ConsolidatedTradesDerivatives":
            return _NO_FILE
        today = self.latest("BDI")
        kept = sessions(today - timedelta(60), today)[-_KEPT_SESSIONS:]
        if day not in kept or missing:
            return Answer(generate.empty_bulletin(day), content_type="text/csv")
        day = shift(day)
        text = self._made(("bulletin", day), lambda: generate.derivatives_bulletin(day, self.rows, self.seed))
        return Answer(text, content_type="text/csv")

    def _listed(self, path: str, shift: Callable[[date], date], missing: bool) -> Answer:
        """Index pages: they show the last session alone, and an index that there is not is a 200 with no body."""
        proxy, _, rest = path.partition("/")
        call, _, payload = rest.partition("/")[2].partition("/")
        try:
            asked = json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True))
            language, index = asked.get("language", "pt-br"), asked.get("index", "")
            year, segment = int(asked.get("year", 0)), int(asked.get("segment", 1))
        except (ValueError, TypeError, binascii.Error, AttributeError):
            return _NO_FILE
        if missing:
            return Answer(b"", content_type="application/json")
        seed, index = self.seed, "IBOV" if index == "IBOVESPA" else index
        statistics = proxy == "indexStatisticsProxy"
        day = shift(self.latest("IndexStatistics" if statistics else "index pages"))
        if (proxy, call) == ("indexStatisticsProxy", "GetPortfolioDay"):
            if (index, year) in self.no_values:
                return _json({"min": None, "max": None, "results": None})
            until = self.statistics or day
            body = self._made(
                ("index year", index, year, until, language),
                lambda: generate.index_year(index, year, until, seed, language=language),
            )
            return Answer(body, content_type="application/json; charset=utf-8")
        if proxy != "indexProxy":
            return _NOT_FOUND
        if call == "GetPortfolioDay":
            shown = self.portfolios or day
            portfolio = self._made(
                ("portfolio", index, shown, language, segment),
                lambda: generate.portfolio_day(index, shown, seed, language=language, segment=segment),
            )
            return _page(portfolio, asked)
        if call in ("GetTheoricalPortfolio", "GetQuartelyPreview"):
            ahead = timedelta(0 if call == "GetTheoricalPortfolio" else 120)
            of = (self.theoretical or self.portfolios or day) + ahead
            theoretical = self._made(
                ("theoretical", index, of, language),
                lambda: generate.theoretical_portfolio(index, of, seed, language=language),
            )
            return _page(theoretical, asked)
        if call == "GetStockIndex":
            return _page(self._made(("list", day), lambda: generate.stock_index(day)), asked)
        return _NOT_FOUND

    def _zip(self, name: tuple[Any, ...], make: Callable[[], bytes]) -> Answer:
        return Answer(self._made(name, make), content_type="application/x-zip-compressed")

    def _made(self, name: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        return FILES.get((*name, self.rows, self.seed), make)


def _same(day: date) -> date:
    return day


def _session_before(day: date) -> date:
    return previous_session(day - timedelta(1))


def _json(answer: Any) -> Answer:
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(body, content_type="application/json; charset=utf-8")


def _page(body: bytes, asked: dict[str, Any]) -> Answer:
    """The page of the results that was asked for; all of them where none was."""
    if not body or "pageSize" not in asked:
        return Answer(body, content_type="application/json; charset=utf-8")
    size, number, answer = int(asked["pageSize"]), int(asked.get("pageNumber", 1)), json.loads(body)
    count, pages = len(answer["results"]), -(-len(answer["results"]) // size)
    answer["results"] = answer["results"][(number - 1) * size : number * size]
    if size > _LARGEST_PAGE:
        answer["results"], count, pages = [], None, None
    answer["page"] = {"pageNumber": number, "pageSize": size, "totalRecords": count, "totalPages": pages}
    return _json(answer)
