"""A day with far fewer or far more rows than the sessions before it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pyb3 import calendar
from tests.support import generate

DAYS = calendar.sessions(date(2024, 1, 2), date(2024, 2, 29))


def loaded(pyb3, folder: Path, days: list[date], rows: int, name: str = "COTAHIST.TXT") -> list[str]:
    """What loading quotes of these days tells."""
    (folder / name).write_bytes(generate.cotahist(days, rows))
    done = pyb3(f"ingest cotahist --file {folder / name} --json")
    assert (done.code, done.json["rows"]) == (0, rows * len(days))
    return [line for line in done.json["warnings"] if "number of rows" in line]


@pytest.mark.parametrize(("rows", "told"), [(100, []), (50, []), (150, []), (49, ["49"]), (151, ["151"])])
def test_a_day_is_held_against_the_sessions_before_it(pyb3, database, tmp_path: Path, rows: int, told) -> None:
    assert loaded(pyb3, tmp_path, DAYS[:10], 100) == []
    said = loaded(pyb3, tmp_path, DAYS[10:11], rows)
    day = DAYS[10]
    assert said == [
        f"an unusual number of rows (median): {day} has {count}, the 10 sessions before it 100" for count in told
    ]
    assert database.execute("SELECT warnings FROM ingestions ORDER BY id DESC LIMIT 1").fetchone() == (said,)


def test_fewer_than_ten_sessions_say_nothing(pyb3, database, tmp_path: Path) -> None:
    loaded(pyb3, tmp_path, DAYS[:9], 100)
    assert loaded(pyb3, tmp_path, DAYS[9:10], 10) == []


def test_only_the_last_twenty_sessions_count_and_each_by_its_newest_load(pyb3, database, tmp_path: Path) -> None:
    loaded(pyb3, tmp_path, DAYS[:15], 1_000)
    loaded(pyb3, tmp_path, DAYS[15:30], 100)
    assert loaded(pyb3, tmp_path, DAYS[30:31], 100) == []
    loaded(pyb3, tmp_path, DAYS[20:30], 400)
    (told,) = loaded(pyb3, tmp_path, DAYS[30:31], 100)
    assert told.endswith(f"{DAYS[30]} has 100, the 20 sessions before it 400")


def test_days_of_one_file_are_held_against_each_other_too(pyb3, database, tmp_path: Path) -> None:
    whole = [generate.cotahist([day], 60 if day != DAYS[12] else 20).split(b"\r\n")[1:-2] for day in DAYS[:20]]
    records = [line for day in whole for line in day]
    first, last = (generate.cotahist(DAYS[:20], 0).split(b"\r\n")[n] for n in (0, 1))
    last = last[:31] + b"%011d" % (len(records) + 2) + last[42:]
    (tmp_path / "COTAHIST.TXT").write_bytes(b"\r\n".join([first, *records, last]))
    done = pyb3(f"ingest cotahist --file {tmp_path}/COTAHIST.TXT --json").json
    assert done["warnings"] == [f"an unusual number of rows (median): {DAYS[12]} has 20, the 12 sessions before it 60"]
