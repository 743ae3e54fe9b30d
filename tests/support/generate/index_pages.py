"""What B3's index pages answer: JSON whose number and date formats follow from the language asked for."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from pyb3.calendar import is_session

from .draws import Draws
from .indexes import Member, index_value, indexes, members
from .papers import papers

ENGLISH, PORTUGUESE = "en-us", "pt-br"


def _number(text: str, language: str) -> str:
    """`1,234.56` as Portuguese writes it where Portuguese was asked for."""
    return text.translate(str.maketrans(",.", ".,")) if language == PORTUGUESE else text


def _short_date(day: date, language: str) -> str:
    return f"{day:%d/%m/%y}" if language == PORTUGUESE else f"{day:%m/%d/%y}"


def _page(count: int) -> dict[str, int]:
    return {"pageNumber": 1, "pageSize": 9999, "totalRecords": count, "totalPages": 1}


def page_of(answer: bytes, number: int, size: int, *, most: int = 9999) -> bytes:
    """One page of an answer that holds all rows, as B3 answers for this `pageNumber` and `pageSize`.

    A page past the last has no rows. More than `most` rows at once B3 does not give: it answers 200 without rows and
    without totals (above about 120 on the pages of companies).
    """
    whole = json.loads(answer)
    rows, found = whole["results"], {**whole}
    total, count = len(rows), -(-len(rows) // size)
    if size > most:
        found["page"] = {"pageNumber": number, "pageSize": size, "totalRecords": None, "totalPages": None}
        return _written({**found, "results": []})
    found["page"] = {"pageNumber": number, "pageSize": size, "totalRecords": total, "totalPages": count}
    return _written({**found, "results": rows[(number - 1) * size : number * size]})


def pages(answer: bytes, size: int) -> list[bytes]:
    """All pages of an answer, of so many rows each."""
    count = max(1, -(-len(json.loads(answer)["results"]) // size))
    return [page_of(answer, number, size) for number in range(1, count + 1)]


def _written(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


def index_year(code: str, year: int, today: date, seed: int = 0, *, language: str = ENGLISH) -> bytes:
    """indexStatisticsProxy GetPortfolioDay: a row a day of the month, a column a month; nothing after `today`.

    Empty for an index that there is not, as B3 answers.
    """
    if code not in indexes() or year > today.year:
        return b""
    values = [[_value(code, year, month, day, today, seed) for month in range(1, 13)] for day in range(1, 32)]
    by_month = [[value for value in column if value is not None] for column in zip(*values, strict=True)]

    def row(day: int, found: list[float | None]) -> dict[str, Any]:
        shown = {f"rateValue{n}": _rate(value, language) for n, value in enumerate(found, 1)}
        return {"day": day, **shown}

    return _written(
        {
            "min": row(0, [min(month, default=None) for month in by_month]),
            "max": row(0, [max(month, default=None) for month in by_month]),
            "results": [row(day, found) for day, found in enumerate(values, 1)],
        }
    )


def _value(code: str, year: int, month: int, day: int, today: date, seed: int) -> float | None:
    try:
        when = date(year, month, day)
    except ValueError:
        return None
    return index_value(code, when, seed) if when <= today and is_session(when) else None


def _rate(value: float | None, language: str) -> str | None:
    return None if value is None else _number(f"{value:,.2f}", language)


def portfolio_day(code: str, day: date, seed: int = 0, *, language: str = ENGLISH, segment: int = 2) -> bytes:
    """indexProxy GetPortfolioDay: the members of the day, by sector where `segment` is 2."""
    if code not in indexes():
        return b""
    found = list(members(code, day, seed))
    if segment == 2:
        found.sort(key=lambda member: (member.segment, member.paper.symbol))
    sums: dict[str, int] = {}
    for member in found:
        sums[member.segment] = sums.get(member.segment, 0) + member.weight
    results = [
        {
            "segment": member.segment if segment == 2 else None,
            "cod": member.paper.symbol,
            "asset": member.paper.name,
            "type": member.paper.specification,
            "part": _weight(member.weight, language),
            "partAcum": _weight(sums[member.segment], language) if segment == 2 else None,
            "theoricalQty": _number(f"{member.quantity:,}", language),
        }
        for member in found
    ]
    header = {
        "date": _short_date(day, language),
        "text": "Total Theorethical Quantity" if language == ENGLISH else "Quantidade Teórica Total",
        "part": _weight(100_000, language),
        "partAcum": _weight(100_000, language) if segment == 2 else None,
        "textReductor": "Reductor" if language == ENGLISH else "Redutor",
        "reductor": _number(_reductor(code, day, seed), language),
        "theoricalQty": _number(f"{sum(member.quantity for member in found):,}", language),
    }
    return _written({"page": _page(len(results)), "header": header, "results": results})


def theoretical_portfolio(code: str, day: date, seed: int = 0, *, language: str = PORTUGUESE) -> bytes:
    """indexProxy GetTheoricalPortfolio: no date, no sectors; `cont` is the place in another order."""
    if code not in indexes():
        return b""
    found = sorted(members(code, day, seed), key=lambda member: member.paper.symbol)
    by_name = {m.paper.symbol: n for n, m in enumerate(sorted(found, key=lambda m: (m.paper.name, m.paper.symbol)), 1)}
    results = [_theoretical(member, by_name[member.paper.symbol], language) for member in found]
    header = {
        "part": _weight(100_000, language),
        "theoricalQty": _number(f"{sum(member.quantity for member in found):,}", language),
        "reductor": _number(_reductor(code, day, seed), language),
    }
    return _written({"page": _page(len(results)), "header": header, "results": results})


def _theoretical(member: Member, place: int, language: str) -> dict[str, Any]:
    return {
        "cod": member.paper.symbol,
        "asset": member.paper.name,
        "type": member.paper.specification,
        "theoricalQty": _number(f"{member.quantity:,}", language),
        "part": _weight(member.weight, language),
        "cont": place,
    }


def stock_index(day: date) -> bytes:
    """indexProxy GetStockIndex: each paper with the indexes it is in."""
    inside: dict[str, list[str]] = {}
    for code in indexes():
        for member in members(code, day):
            inside.setdefault(member.paper.symbol, []).append(code)
    listed = sorted((paper for paper in papers(400) if paper.symbol in inside), key=lambda p: (p.name, p.symbol))
    results = [
        {
            "company": paper.name,
            "spotlight": f"{paper.specification[:4].rstrip():<5}{paper.specification[8:]}".strip(),
            "code": paper.symbol,
            "indexes": ",".join(sorted(inside[paper.symbol])),
        }
        for paper in listed
    ]
    first = (day.month - 1) // 4 * 4 + 1
    header = {"update": f"{day}", "startMonth": first, "endMonth": first + 3, "year": day.year}
    return _written({"page": _page(len(results)), "header": header, "results": results})


def _weight(thousandths: int, language: str) -> str:
    return _number(f"{thousandths / 1000:.3f}", language)


def _reductor(code: str, day: date, seed: int) -> str:
    total = sum(member.quantity * member.paper.price(day) for member in members(code, day, seed))
    return f"{total / index_value(code, day, seed):,.6f}{Draws(code, day.year).integer(10, 99)}"
