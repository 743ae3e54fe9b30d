"""An archive with files of several sessions: each is a unit of its own, the newest of its versions is read."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import pyb3 as library
from pyb3 import settings
from pyb3.datasets import registry
from pyb3.errors import FileError, UsageError, WrongDate
from pyb3.file import File
from pyb3.parse import archive, zip_entries
from tests.support import generate

DAY, NEXT = date(2024, 1, 15), date(2024, 1, 16)


def quotes(day: date, rows: int = 5) -> bytes:
    return generate.cotahist([day], rows)


def kept(folder: Path, members: dict[str, bytes], name: str = "quotes.zip") -> Path:
    (folder / name).write_bytes(generate.packed(members))
    return folder / name


@pytest.fixture
def two_days(tmp_path: Path) -> Path:
    """Of two sessions; the older one's name sorts last."""
    return kept(tmp_path, {"COTAHIST_D16012024.TXT": quotes(NEXT, 4), "later/COTAHIST_D15012024.TXT": quotes(DAY, 3)})


def rows_by_day(database) -> dict[date, int]:
    return dict(database.execute("SELECT refdate, count(*) FROM cotahist GROUP BY 1").fetchall())


def test_every_session_of_an_archive_is_loaded_as_a_unit_of_its_own(pyb3, database, two_days: Path) -> None:
    answer = pyb3(f"ingest --file {two_days} --json")
    assert (answer.code, answer.err) == (0, "")
    assert [(one["dataset"], one["unit"], one["rows"]) for one in answer.objects] == [
        ("cotahist", "2024-01-15", 3),
        ("cotahist", "2024-01-16", 4),
    ]
    assert rows_by_day(database) == {DAY: 3, NEXT: 4}
    again = pyb3(f"ingest cotahist --file {two_days} --json").objects
    assert [one["outcome"] for one in again] == ["unchanged", "unchanged"]


def test_the_real_case_of_two_sessions_loads_both(pyb3, database, real: Path) -> None:
    answer = pyb3(f"ingest --file {real}/cases/two_days_in_one.zip --json")
    assert answer.code == 0
    assert rows_by_day(database) == {date(2026, 8, 26): 3, date(2026, 10, 2): 4}
    assert pyb3(f"verify --file {real}/cases/two_days_in_one.zip --json").code == 0


def test_a_unit_of_an_archive_bears_its_members_name_and_digest(pyb3, database, two_days: Path) -> None:
    answer = pyb3(f"ingest --file {two_days} --json")
    digest = hashlib.sha256(quotes(DAY, 3)).hexdigest()
    first = answer.objects[0]
    assert (first["file"], first["sha256"]) == (f"{two_days}/later/COTAHIST_D15012024.TXT", digest)
    row = database.execute("SELECT file, sha256, size FROM ingestions WHERE unit = '2024-01-15'").fetchone()
    assert row == ("quotes.zip/later/COTAHIST_D15012024.TXT", digest, len(quotes(DAY, 3)))
    assert pyb3("history cotahist --date 2024-01-15 --json").json["file"] == "quotes.zip/later/COTAHIST_D15012024.TXT"


def test_an_archive_is_verified_unit_by_unit(pyb3, database, two_days: Path, tmp_path: Path) -> None:
    pyb3(f"ingest --file {two_days}")
    answer = pyb3(f"verify --file {two_days} --json")
    assert [(one["unit"], one["result"], one["rows"]) for one in answer.objects] == [
        ("2024-01-15", "verified", 3),
        ("2024-01-16", "verified", 4),
    ]
    (tmp_path / "unpacked.TXT").write_bytes(quotes(NEXT, 4))  # its bytes are the member's
    assert pyb3(f"verify cotahist --file {tmp_path}/unpacked.TXT --json").json["result"] == "verified"
    database.execute("UPDATE cotahist SET trades = trades + 1 WHERE refdate = '2024-01-16'")
    answer = pyb3(f"verify cotahist --file {two_days} --json")
    assert (answer.code, [one["result"] for one in answer.objects]) == (4, ["verified", "differs"])


def test_a_date_reads_its_own_file_of_an_archive_and_names_the_others(pyb3, database, two_days: Path) -> None:
    answer = pyb3(f"ingest cotahist --file {two_days} --date {DAY} --json")
    assert (answer.code, answer.json["unit"], answer.json["rows"]) == (0, f"{DAY}", 3)
    assert answer.json["warnings"] == ["quotes.zip also contains, not read: COTAHIST_D16012024.TXT"]
    assert answer.json["sha256"] == hashlib.sha256(two_days.read_bytes()).hexdigest()
    assert rows_by_day(database) == {DAY: 3}
    assert pyb3(f"ingest --file {two_days} --date {DAY} --json").json["outcome"] == "unchanged"


def test_a_downloaded_archive_serves_the_day_it_was_asked_for(pyb3, database, two_days: Path) -> None:
    path = settings.cache_dir() / "cotahist" / "COTAHIST_D16012024.ZIP"
    path.parent.mkdir(parents=True)
    path.write_bytes(two_days.read_bytes())
    done = pyb3(f"load cotahist --date {NEXT} --json").json
    assert (done["rows"], done["sha256"]) == (4, hashlib.sha256(path.read_bytes()).hexdigest())
    assert done["warnings"] == ["COTAHIST_D16012024.ZIP also contains, not read: later/COTAHIST_D15012024.TXT"]
    assert pyb3(f"load cotahist --date {NEXT} --json").json["outcome"] == "unchanged"
    assert pyb3(f"verify cotahist --date {NEXT} --json").json["result"] == "verified"
    assert rows_by_day(database) == {NEXT: 4}


def test_an_archive_without_the_day_that_is_asked_for_is_refused(refused, database, two_days: Path) -> None:
    words = "quotes.zip contains files of 2024-01-15, 2024-01-16, none of 2024-01-17"
    refused(f"ingest cotahist --file {two_days} --date 2024-01-17 --quiet", 6, words)


@pytest.mark.parametrize("names", [("a.xml", "b.xml"), ("b.xml", "a.xml")])
def test_of_two_versions_the_one_made_later_is_read_whatever_their_names(
    pyb3, database, tmp_path: Path, names: tuple[str, str]
) -> None:
    older, newer = (generate.price_report(DAY, 5, seed, version=seed) for seed in (0, 1))
    path = kept(tmp_path, dict(zip(names, (older, newer), strict=True)), "SPRD240115.zip")
    done = pyb3(f"ingest --file {path} --json").json
    assert (done["rows"], done["file_timestamp"], done["warnings"]) == (5, "2024-01-15T19:48:37", [])
    (tmp_path / "newer.xml").write_bytes(newer)
    assert pyb3(f"ingest --file {tmp_path}/newer.xml --json").json["outcome"] == "unchanged"


def test_the_real_snapshot_that_was_made_later_wins(pyb3, database, real: Path) -> None:
    """In the older one, whose name sorts last, it settles at 1.0."""
    path = real / "cases/assumptions/two_snapshots_older_sorts_last.zip"
    done = pyb3(f"ingest --file {path} --json").json
    assert (done["rows"], done["file_timestamp"]) == (4, "2026-01-12T19:27:24")
    (price,) = database.execute("SELECT price FROM futures WHERE symbol = 'DOLG26'").fetchone()
    assert price == Decimal("5397.43")
    assert library.futures_get(file=path).filter(symbol="DOLG26")["price"].to_list() == [Decimal("5397.43")]


def test_snapshots_of_the_instrument_file_are_told_apart_by_their_time(pyb3, database, tmp_path: Path) -> None:
    """As of 2026: the names that B3 gives them do not grow with time."""
    names = [f"BVBG.028.02_BV000327202401150327{number}.xml" for number in (130766122944845, 118187239047743)]
    texts = [generate.instrument_file(DAY, 8, version=version) for version in (0, 1)]
    (tmp_path / "IN.zip").write_bytes(generate.nested("IN240115.zip", dict(zip(names, texts, strict=True))))
    done = pyb3(f"ingest --file {tmp_path}/IN.zip --json").json
    assert (done["dataset"], done["file_timestamp"]) == ("symbols", "2024-01-15T18:40:30")


def test_versions_of_one_time_are_told_apart_by_name_and_that_is_said(pyb3, database, tmp_path: Path) -> None:
    path = kept(tmp_path, {"1.xml": generate.price_report(DAY, 5, 1), "2.xml": generate.price_report(DAY, 5, 2)})
    done = pyb3(f"ingest --file {path} --json").json
    assert "1.xml is of the same session and time as 2.xml, and not read" in done["warnings"]
    (tmp_path / "2.xml").write_bytes(generate.price_report(DAY, 5, 2))
    assert pyb3(f"ingest --file {tmp_path}/2.xml --json").json["outcome"] == "unchanged"


def test_a_year_and_its_first_session_are_not_versions_of_one_file(pyb3, database, tmp_path: Path) -> None:
    year, day = generate.cotahist([date(2024, 1, 2), DAY], 3), quotes(date(2024, 1, 2), 3)
    answer = pyb3(f"ingest --file {kept(tmp_path, {'COTAHIST_A2024.TXT': year, 'COTAHIST_D.TXT': day})} --json")
    assert sorted(one["unit"] for one in answer.objects) == ["2024-01-02", "2024-01-02..2024-01-15"]


def test_archives_in_archives_and_programs_are_looked_through(pyb3, database, tmp_path: Path) -> None:
    members = {
        "SPRD240115.zip": generate.packed({"a.xml": generate.price_report(DAY, 5)}),
        "rates/TS240115.ex_": generate.zipped(
            "TS240115.ex_", generate.self_extracting("TaxaSwap.txt", generate.swap_rates(DAY, 3))
        ),
        "quotes.zip": generate.nested("days.zip", {"a.TXT": quotes(DAY), "b.TXT": quotes(NEXT)}),
    }
    answer = pyb3(f"ingest --file {kept(tmp_path, members, 'night.zip')} --json")
    assert answer.code == 0
    assert sorted((one["dataset"], one["unit"], Path(one["file"]).name) for one in answer.objects) == [
        ("cotahist", "2024-01-15", "a.TXT"),
        ("cotahist", "2024-01-16", "b.TXT"),
        ("futures", "2024-01-15", "a.xml"),
        ("yield_curves", "2024-01-15", "TaxaSwap.txt"),
    ]


@pytest.mark.parametrize("name", ["__MACOSX/._a.TXT", ".DS_Store", "folder/.DS_Store", "Thumbs.db", "__MACOSX/x/b.TXT"])
def test_what_macos_and_windows_add_is_passed_over(pyb3, database, tmp_path: Path, name: str) -> None:
    path = kept(tmp_path, {"COTAHIST.TXT": quotes(DAY), name: b"\x00\x05\x16\x07" + quotes(NEXT)})
    done = pyb3(f"ingest cotahist --file {path} --json").json
    assert (done["rows"], done["warnings"]) == (5, [])
    assert done["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_licence_is_left_out_and_named(pyb3, database, tmp_path: Path) -> None:
    path = kept(tmp_path, {"COTAHIST.TXT": quotes(DAY), "LICENCE.txt": b"Use it well.", "readme.md": b"# Quotes"})
    done = pyb3(f"ingest --file {path} --json").json
    assert (done["rows"], done["warnings"]) == (5, ["quotes.zip also contains, not read: LICENCE.txt, readme.md"])
    path = kept(tmp_path, {"a.TXT": quotes(DAY), "b.TXT": quotes(NEXT), "readme.md": b"# Quotes"})
    first, second = pyb3(f"ingest --file {path} --json").objects
    assert first["warnings"] == ["quotes.zip also contains, of no known format and not read: readme.md"]
    assert second["warnings"] == []


@pytest.mark.parametrize("dataset", ["", "cotahist"])
def test_an_archive_without_data_is_refused_with_a_list(refused, database, tmp_path: Path, dataset: str) -> None:
    path = kept(tmp_path, {f"{number}.txt": b"text" for number in range(8)})
    words = rf"quotes.zip contains no file of {dataset or 'any dataset'}: 0.txt, .*, 4.txt and 3 more"
    refused(f"ingest {dataset} --file {path} --quiet", 6, words)
    path = kept(tmp_path, {"__MACOSX/a.TXT": b"a", ".DS_Store": b"b"})
    refused(f"ingest {dataset} --file {path} --quiet", 6, "quotes.zip contains no data file: ")


def test_a_damaged_file_of_an_archive_fails_by_itself(pyb3, database, tmp_path: Path) -> None:
    broken = bytearray(generate.zipped("COTAHIST_D17012024.TXT", quotes(date(2024, 1, 17))))
    broken[100] ^= 0xFF
    members = {"1.zip": generate.zipped("a.TXT", quotes(DAY)), "2.zip": bytes(broken), "3.TXT": quotes(NEXT)}
    answer = pyb3(f"ingest --file {kept(tmp_path, members)} --json")
    assert (answer.code, rows_by_day(database)) == (4, {DAY: 5, NEXT: 5})
    *good, bad = answer.objects
    assert [one["outcome"] for one in good] == ["loaded", "loaded"]
    assert (bad["outcome"], bad["unit"]) == ("failed", f"{tmp_path}/quotes.zip/2.zip/COTAHIST_D17012024.TXT")
    assert "COTAHIST_D17012024.TXT is damaged" in bad["error"]["message"]


def test_a_file_of_another_dataset_in_an_archive_is_named(pyb3, database, tmp_path: Path) -> None:
    path = kept(tmp_path, {"a.TXT": quotes(DAY), "b.xml": generate.price_report(DAY, 3)})
    answer = pyb3(f"ingest cotahist --file {path}")
    assert (answer.code, rows_by_day(database)) == (4, {DAY: 5})
    assert "quotes.zip/b.xml is a file of futures (SPRD), not of cotahist" in answer.err
    assert f"run 'pyb3 ingest futures --file {path}'" in answer.err


def test_a_name_in_an_archive_writes_nowhere(pyb3, database, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    path = kept(tmp_path / "inside", {"../../x.TXT": quotes(DAY), "/etc/y.TXT": quotes(NEXT)})
    before = sorted(tmp_path.rglob("*"))
    answer = pyb3(f"ingest --file {path} --json")
    assert (answer.code, len(answer.objects)) == (0, 2)
    assert [one for one in sorted(tmp_path.rglob("*")) if one not in before] == []


def test_the_library_gives_the_rows_of_every_session(two_days: Path) -> None:
    frame = library.cotahist_get(file=two_days)
    assert frame["refdate"].to_list() == [DAY] * 3 + [NEXT] * 4
    assert library.cotahist_get(NEXT, file=two_days)["refdate"].unique().to_list() == [NEXT]
    with pytest.raises(WrongDate, match="none of 2024-01-17"):
        library.cotahist_get("2024-01-17", file=two_days)


def test_the_library_warns_of_what_it_does_not_read(tmp_path: Path) -> None:
    path = kept(tmp_path, {"a.TXT": quotes(DAY), "b.xml": generate.price_report(DAY, 3), "c.TXT": quotes(NEXT)})
    with pytest.warns(library.LeftOut, match=r"b.xml is a file of futures \(SPRD\), not of cotahist") as caught:
        assert library.cotahist_get(file=path).height == 10
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(FileError, match="is a file of cotahist"):
        library.futures_get(file=kept(tmp_path, {"a.TXT": quotes(DAY)}))


def test_a_file_with_several_sessions_is_not_read_as_one(two_days: Path) -> None:
    with pytest.raises(FileError, match="several files of cotahist, of 2024-01-15, 2024-01-16"):
        registry.get("cotahist").frame([File.at(two_days)])


@pytest.mark.parametrize("member", ["a.TXT", "COTAHIST_D16012024.TXT/x", "later"])
def test_a_member_that_is_not_there_is_refused(two_days: Path, member: str) -> None:
    with pytest.raises(FileError, match=f"quotes.zip has no member {member}"), archive.open_member(two_days, member):
        pass


def test_more_files_than_are_looked_at_are_refused(
    refused, database, two_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    refused(f"ingest --file {two_days} --quiet", 6, "quotes.zip contains more than 1 files: unpack it")


def test_archives_inside_that_are_large_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = generate.zipped("a.TXT", quotes(DAY))
    path = kept(tmp_path, {"1.zip": inner, "2.zip": inner})
    monkeypatch.setattr(archive, "MAX_UNPACKED", len(inner) + 1)
    with pytest.raises(FileError, match=r"quotes.zip contains archives that unpack to more than"):
        archive.members(path)


def test_an_archive_inside_that_is_too_large_for_memory_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept(tmp_path, {"1.zip": generate.zipped("a.TXT", quotes(DAY, 40)), "2.TXT": quotes(NEXT)})
    monkeypatch.setattr(archive, "MAX_NESTED", 500)
    first, second = archive.members(path)
    assert "unpacks to more than" in str(first.error) and second.error is None
    assert first.error.__traceback__ is None, "it would keep what was read in memory"


def test_no_more_of_a_file_is_read_than_tells_what_it_is(tmp_path: Path) -> None:
    path = kept(tmp_path, {"a.TXT": quotes(DAY, 2_000), "b.TXT": quotes(NEXT, 2_000)})
    assert [len(one.head) for one in archive.members(path)] == [archive.PEEK] * 2


def test_of_two_entries_with_one_name_the_last_is_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed, pytest.warns(UserWarning, match="Duplicate name"):
        packed.writestr("a.TXT", quotes(DAY))
        packed.writestr("a.TXT", quotes(NEXT))
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    assert library.cotahist_get(file=tmp_path / "x.zip")["refdate"].unique().to_list() == [NEXT]


def test_an_index_is_of_one_file_alone(tmp_path: Path) -> None:
    pages = {f"{code}.json": generate.portfolio_day(code, DAY) for code in ("IBOV", "SMLL")}
    with pytest.raises(UsageError, match="an index is what one file is of, and there are 2 files"):
        library.index_composition_get(file=kept(tmp_path, pages), index="IBOV")


def test_pages_of_indexes_in_an_archive_are_known_by_their_names(pyb3, database, tmp_path: Path) -> None:
    pages = {
        f"pages/GetPortfolioDay_{code}_20240115.json": generate.portfolio_day(code, DAY) for code in ("IBOV", "SMLL")
    }
    answer = pyb3(f"ingest --file {kept(tmp_path, pages)} --json")
    assert (answer.code, [one["unit"] for one in answer.objects]) == (0, ["2024-01-15"] * 2)
    found = database.execute("SELECT DISTINCT index_code FROM index_composition ORDER BY 1").fetchall()
    assert found == [("IBOV",), ("SMLL",)]


def test_names_are_listed_in_short() -> None:
    assert zip_entries.listed("abc") == "a, b, c"
    assert zip_entries.listed("abcdefg") == "a, b, c, d, e and 2 more"


def test_a_year_in_an_archive_serves_a_session_that_has_no_file_of_its_own(tmp_path: Path) -> None:
    year, cotahist = generate.cotahist([date(2024, 1, 2), DAY, NEXT], 2), registry.get("cotahist")
    path = kept(tmp_path, {"COTAHIST_A2024.TXT": year, "COTAHIST_D15012024.TXT": quotes(DAY, 7)})
    rows = {day: cotahist.frame([File(path, "COTAHIST_A")], cotahist.unit("day", day)).height for day in (DAY, NEXT)}
    assert rows == {DAY: 7, NEXT: 2}
    with pytest.raises(WrongDate, match="none of 2024-01-17"):
        cotahist.frame([File(path, "COTAHIST_A")], cotahist.unit("day", date(2024, 1, 17)))
