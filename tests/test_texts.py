"""Texts that others write (values, lines, HTTP dates, file names, arguments) mean what they say, or are refused."""

from __future__ import annotations

import calendar as months
import re
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pyb3 import calendar
from pyb3.cli.options import day
from pyb3.datasets import registry
from pyb3.errors import FieldInvalid, UsageError
from pyb3.fetch.client import _retry_after
from pyb3.fetch.http_date import http_date
from pyb3.parse.lines import SEPARATOR, split
from pyb3.parse.rejects import Rejects
from pyb3.parse.typed import Notation, dtype, typed
from pyb3.template import Field, Source
from pyb3.template.field import TYPES
from tests.support.agreement import assert_one_line
from tests.support.oracle import Refused
from tests.support.oracle.values import value_of

_NOTATIONS = (
    Notation("", "", "%Y%m%d"), Notation(), Notation(",", "."), Notation(".", ",", "%m/%d/%y"),
    Notation(",", ".", "%d/%m/%y"), Notation(",", ".", "%d/%m/%Y"),
)  # fmt: skip
_signs = st.sampled_from(("", "+", "-"))
_numbers = st.builds(lambda sign, digits: sign + digits, _signs, st.text("0123456789", min_size=1, max_size=42))
_grouped = st.builds(lambda number, mark: f"{number:,}".replace(",", mark), st.integers(), st.sampled_from(".,"))
_fractions = st.builds(lambda *parts: "".join(parts), _numbers, st.sampled_from(".,"), st.text("01239", max_size=40))
_dates = st.builds(
    lambda day, written: f"{day.year:04}".join(written.split("%Y")).replace("%m", f"{day.month:02}").replace(
        "%d", f"{day.day:02}").replace("%y", f"{day.year % 100:02}"),
    st.dates(), st.sampled_from([notation.date for notation in _NOTATIONS]),
)  # fmt: skip
_odd = st.text("0123456789+-.,/ eExTYSNtruefals\0\x01\xa0Aç٣²", max_size=12)
_words = (
    st.none() | _numbers | _grouped | _fractions | _dates | _odd | st.sampled_from(("true", "false", "Y", "N", "S"))
)
_fields = st.builds(
    lambda kind, decimals, nullable: Field("value", "B3", kind, "", {}, decimals if kind == "decimal" else 0, nullable),
    st.sampled_from(TYPES), st.integers(0, 37), st.booleans(),
)  # fmt: skip


@given(field=_fields, notation=st.sampled_from(_NOTATIONS), texts=st.lists(_words, min_size=1, max_size=4))
@example(Field("value", "B3", "decimal", "", {}, 37), Notation(""), ["9" * 29])
@example(Field("value", "B3", "decimal", "", {}, 37), Notation(), ["9." + "9" * 37, "12"])
@example(Field("value", "B3", "decimal", "", {}, 0), Notation(","), ["1,", "1,0", "1,5"])
def test_a_column_is_what_each_of_its_texts_says(field: Field, notation: Notation, texts: list[str | None]) -> None:
    meant: list[Any] = []
    wrong = None
    for number, text in enumerate(texts):
        try:
            meant.append(value_of(field, text, notation))
        except Refused:
            wrong = number if wrong is None else wrong
    frame = pl.DataFrame({"value": texts}, schema={"value": pl.String})
    lines = pl.Series(range(7, 7 + len(texts)))
    if wrong is None:
        read = typed(frame, [field], notation, "x.TXT", lines, Rejects("x.TXT", strict=True))["value"]
        assert read.dtype == dtype(field)
        assert read.to_list() == meant
    else:
        with pytest.raises(FieldInvalid, match=r"x\.TXT line \d+, field B3: ") as caught:
            typed(frame, [field], notation, "x.TXT", lines, Rejects("x.TXT", strict=True))
        assert_one_line(caught.value)
        blank_before = None in texts and not field.nullable  # blanks are looked for first
        assert blank_before or f"line {7 + wrong}," in str(caught.value)


@given(lines=st.lists(st.text(st.characters(exclude_characters="\n\x01", codec="utf-8"), max_size=8), max_size=30))
@example(["\ufeffa", "b"])
@example(["a", "\ufeffb"])
@example(["a\r\r", "\r", "b\r"])
@example(['"', "", '"a"', "#", "'"])
def test_text_is_split_into_its_lines(lines: list[str]) -> None:
    assume(any(lines))
    found = [line for line in split("\n".join(lines).encode()).to_list() if line]
    assert found == [line.removesuffix("\r") for line in lines if line.removesuffix("\r")]


@given(before=st.text("ab\n", max_size=20), after=st.text("ab\n", max_size=20))
def test_a_line_that_holds_the_separator_is_an_error(before: str, after: str) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        split(f"x\n{before}{SEPARATOR}{after}".encode())


_moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30)).map(lambda moment: moment.replace(microsecond=0))
_http_texts = st.text("0123456789:-+, GMTmonjaFrig", max_size=40) | st.text(max_size=30)


@given(moment=_moments, hours=st.integers(-12, 14))
def test_an_http_date_is_the_moment_it_says(moment: datetime, hours: int) -> None:
    assert http_date(format_datetime(moment.replace(tzinfo=UTC), usegmt=True)) == moment.replace(tzinfo=UTC)
    there = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert http_date(format_datetime(there)) == there
    assert http_date(f"{moment:%a, %d %b} {moment.year:04} {moment:%H:%M:%S} -0000") == moment.replace(tzinfo=UTC)


@given(text=_http_texts)
@example("Mon, 99999999999999999999 Jan 2024 00:00:00 GMT")
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999999999")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("1 2 3 4 5")
@example(",")
@example("(")
def test_any_header_is_a_moment_with_a_zone_or_nothing(text: str) -> None:
    found = http_date(text)
    assert found is None or found.utcoffset() is not None


def _asked_to_wait(text: str) -> float | None:
    return _retry_after(httpx.Response(429, headers=[(b"Retry-After", text.encode("utf-8"))]))


@given(seconds=st.integers(0, 10**9), moment=_moments)
def test_seconds_and_moments_are_waited_for(seconds: int, moment: datetime) -> None:
    assert _asked_to_wait(f" {seconds} ") == seconds
    before = datetime.now(UTC)
    wait = _asked_to_wait(format_datetime(moment.replace(tzinfo=UTC), usegmt=True))
    left, left_before = ((moment.replace(tzinfo=UTC) - now).total_seconds() for now in (datetime.now(UTC), before))
    assert wait is not None and max(0.0, left) <= wait <= max(0.0, left_before)


@given(text=_http_texts | st.text("0123456789", max_size=400))
@example("9" * 400)
@example("²")
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
def test_any_retry_after_is_a_time_to_wait(text: str) -> None:
    assume("\n" not in text and "\r" not in text)
    wait = _asked_to_wait(text)
    assert wait is None or wait >= 0


SOURCES = [source for name in registry.names() for source in registry.get(name).template.sources]


@given(
    source=st.sampled_from(SOURCES),
    moment=st.dates(date(1986, 1, 1), date(2068, 12, 31)),
    item=st.from_regex("[A-Z0-9]{4,6}", fullmatch=True),
)
def test_a_files_name_tells_its_item_and_date(source: Source, moment: date, item: str) -> None:
    found, covered = source.named(source.file.format(date=moment, item=item))
    assert found == (item if "{item}" in source.file else "")
    assert covered is not None
    assert source.file.format(date=covered, item=item) == source.file.format(date=moment, item=item)


@given(source=st.sampled_from(SOURCES), data=st.data())
def test_no_other_file_is_taken_for_one_of_a_source(source: Source, data: st.DataObject) -> None:
    name = source.file.format(date=data.draw(st.dates(date(1986, 1, 1), date(2068, 12, 31))), item="IBOV")
    at = data.draw(st.integers(0, len(name)))
    letters = data.draw(st.text("0129 +-_.AV٣\n", max_size=2))
    name = name[:at] + letters + name[at + data.draw(st.integers(0, 2)) :]
    item, covered = source.named(name)
    if covered is not None:
        assert source.file.format(date=covered, item=item) == name
    else:
        assert item == ""


@given(day_=st.dates())
def test_a_date_is_typed_as_it_is_written(day_: date) -> None:
    assert day(day_.isoformat()) == day_


@pytest.mark.parametrize("between", ["--from 0001-01-01 --to 9999-12-31", "--from 1986-01-01 --to 9999-12-31"])
def test_a_range_of_ten_thousand_years_is_refused_before_its_days_are_counted(
    refused, monkeypatch, between: str
) -> None:
    monkeypatch.setattr(calendar, "sessions", None)
    refused(f"backfill cotahist {between}", 2, "B3 has no data of 1 for cotahist; |9999-12-31 is in the future")


def test_words_for_dates_are_days_of_b3() -> None:
    today = calendar.today()
    assert day("today") == today and day("yesterday") == today - timedelta(1)
    assert day("last") == max(session for session in calendar.sessions(today - timedelta(30), today))


@given(text=st.text("0123456789-/ TW٣", max_size=12) | st.text(max_size=12))
@example("2024-02-30")
@example("2024-W03-1")
@example("20240115")
@example("0000-01-01")
@example("٢٠٢٤-٠١-١٥")
@example("2024-01-15T00:00")
def test_another_text_is_a_date_of_iso_8601_or_refused(text: str) -> None:
    try:
        found = day(text)
    except UsageError as error:
        assert_one_line(error)
        shape = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
        if shape:
            year, month, at = map(int, shape.groups())
            assert not (year and 1 <= month <= 12 and 1 <= at <= months.monthrange(year, month)[1])
    else:
        week = f"{found:%G}-W{found:%V}-{found:%u}"
        written = {f"{found}", f"{found}".replace("-", ""), week, week.replace("-", "")}
        if found.weekday() == 0:
            written |= {week[:-2], week[:-2].replace("-", "")}
        assert text in written
