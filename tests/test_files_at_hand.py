"""Files at hand: given many times, in folders and by patterns, each recognised by its content."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from pyb3 import at_hand, settings
from tests.support import generate

DAY, NEXT = date(2024, 1, 15), date(2024, 1, 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of three datasets and two sessions; their names say neither."""
    place = tmp_path / "files"
    (place / "more").mkdir(parents=True)
    (place / "1").write_bytes(generate.zipped("x", generate.cotahist([NEXT], 4)))
    (place / "2").write_bytes(generate.price_report(DAY, 6))
    (place / "more" / "3").write_bytes(generate.self_extracting("x", generate.swap_rates(DAY, 3)))
    (place / "more" / "4").write_bytes(generate.cotahist([DAY], 3))
    return place


def test_a_folder_is_loaded_without_the_name_of_a_dataset_older_sessions_first(pyb3, database, folder: Path) -> None:
    answer = pyb3(f"ingest --file {folder} --json")
    assert (answer.code, answer.err) == (0, "")
    loaded = [(one["unit"], one["dataset"], one["outcome"]) for one in answer.objects]
    first = [("2024-01-15", name, "loaded") for name in ("cotahist", "futures", "yield_curves")]
    assert (sorted(loaded[:3]), loaded[3]) == (first, ("2024-01-16", "cotahist", "loaded"))
    again = pyb3(f"ingest all --file {folder} --json")
    assert {one["outcome"] for one in again.objects} == {"unchanged"}
    shown = pyb3(f"load --file {folder}")
    assert shown.code == 0 and "4 units" in shown.out


def test_a_folder_is_verified(pyb3, database, folder: Path) -> None:
    pyb3(f"ingest --file {folder}")
    answer = pyb3(f"verify --file {folder} --json")
    assert (answer.code, {one["result"] for one in answer.objects}) == (0, {"verified"})
    assert sorted(one["dataset"] for one in answer.objects) == ["cotahist", "cotahist", "futures", "yield_curves"]
    (folder / "readme.txt").write_text("What these are.")
    answer = pyb3(f"verify --file {folder} --json")
    assert answer.code == 4
    (bad,) = [one for one in answer.objects if one["result"] != "verified"]
    assert (bad["result"], bad["file"]) == ("unreadable", "readme.txt")


def test_hidden_files_and_sidecars_of_a_folder_are_not_data(pyb3, database, folder: Path) -> None:
    (folder / "1.json").write_text(json.dumps({"sha256": "0", "url": "https://b3"}))
    (folder / ".part-1").write_bytes(b"half a file")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("x")
    assert len(pyb3(f"ingest --file {folder} --json").objects) == 4


def test_the_cache_itself_can_be_loaded_as_a_folder(pyb3, database, simulator) -> None:
    pyb3(f"fetch cotahist --date {DAY}")
    pyb3("fetch futures --date 2024-01-16")
    answer = pyb3(f"ingest --file {settings.cache_dir()} --json")
    assert [(one["dataset"], one["unit"]) for one in answer.objects] == [
        ("cotahist", "2024-01-15"),
        ("futures", "2024-01-16"),
    ]


def test_files_and_patterns_are_given_together_and_a_file_is_loaded_once(pyb3, database, folder: Path) -> None:
    answer = pyb3(f"ingest --file '{folder}/[12]' --file {folder}/2 --file '{folder}/**/4' --json")
    assert sorted((one["unit"], one["dataset"]) for one in answer.objects) == [
        ("2024-01-15", "cotahist"),
        ("2024-01-15", "futures"),
        ("2024-01-16", "cotahist"),
    ]


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(pyb3, database, tmp_path: Path) -> None:
    (tmp_path / "quotes[1].TXT").write_bytes(generate.cotahist([DAY], 3))
    assert pyb3(f"ingest --file '{tmp_path}/quotes[1].TXT' --json").json["rows"] == 3


def test_a_pattern_that_nothing_matches_is_refused(refused, database, tmp_path: Path) -> None:
    refused(f"ingest --file '{tmp_path}/*.ZIP'", 6, "no file matches the pattern")
    refused(f"ingest --file {tmp_path}", 6, "the folder contains no files")


def test_a_file_of_no_dataset_is_named_and_the_others_go_on(pyb3, database, folder: Path) -> None:
    (folder / "0.md").write_text("# Files of two sessions")
    (folder / "5.ZIP").write_bytes(b"PK\x03\x04 and no more")
    answer = pyb3(f"ingest --file {folder} --file {folder}/nowhere --json")
    assert answer.code == 4
    assert [one["outcome"] for one in answer.objects] == ["loaded"] * 4 + ["failed"] * 3
    lines = answer.err.splitlines()
    assert f"pyb3: {folder}/0.md: 0.md is not a file of any dataset: it begins with '# Files of two sessions'" in lines
    assert any("5.ZIP is not a whole ZIP" in line for line in lines)
    assert f"pyb3: {folder}/nowhere: {folder}/nowhere: no such file" in lines or "no such file" in answer.err
    assert database.execute("SELECT count(*) FROM ingestions WHERE outcome = 'failed'").fetchone() == (0,)


def test_a_single_file_of_no_dataset_ends_in_its_own_code(refused, database, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b\n1;2\n")
    refused(f"ingest --file {tmp_path}/x.csv --quiet", 6, "x.csv is not a file of any dataset: it begins with 'a;b'")
    (tmp_path / "empty.zip").write_bytes(generate.EMPTY_ZIP)
    refused(f"ingest --file {tmp_path}/empty.zip --quiet", 3, "empty.zip is a ZIP without entries")
    (tmp_path / "page.zip").write_bytes(b"<!DOCTYPE html><html></html>")
    refused(f"ingest --file {tmp_path}/page.zip --quiet", 6, "page.zip is an HTML page")


def test_a_file_of_the_wrong_dataset_says_which_it_is_of(refused, database, folder: Path) -> None:
    words = rf"2 is a file of futures \(SPRD\), not of cotahist \(run 'pyb3 ingest futures --file {folder}/2'\)"
    for command in ("ingest", "load", "parse"):
        refused(f"{command} cotahist --file {folder}/2 --quiet", 6, words)


def test_with_a_dataset_the_folders_other_files_fail_and_its_own_load(pyb3, database, folder: Path) -> None:
    answer = pyb3(f"ingest cotahist --file {folder} --json")
    assert answer.code == 4
    assert [one["outcome"] for one in answer.objects] == ["loaded", "loaded", "failed", "failed"]
    assert "not of cotahist" in answer.objects[-1]["error"]["message"]


def test_index_pages_need_their_name_or_an_index_and_fail_by_themselves(pyb3, database, tmp_path: Path) -> None:
    (tmp_path / "GetPortfolioDay_IBOV_20240115.json").write_bytes(generate.portfolio_day("IBOV", DAY))
    (tmp_path / "page.json").write_bytes(generate.portfolio_day("SMLL", DAY))
    answer = pyb3(f"ingest --file {tmp_path} --json")
    assert (answer.code, [one["outcome"] for one in answer.objects]) == (4, ["loaded", "failed"])
    assert "say with --index which index page.json is of" in answer.err
    assert pyb3(f"ingest --file {tmp_path}/page.json --index SMLL --json").code == 0
    assert pyb3(f"ingest --file {tmp_path} --index SMLL").code == 2


def test_a_date_goes_with_one_file(pyb3, refused, database, folder: Path) -> None:
    assert pyb3(f"ingest --file {folder}/2 --date {DAY} --json").json["rows"] == 6
    refused(f"ingest --file {folder} --date {DAY}", 2, "--date says which day one file is of, and there are 4 files")
    both = {"a.TXT": generate.cotahist([DAY], 3), "b.xml": generate.price_report(DAY, 3)}
    (folder / "both.zip").write_bytes(generate.packed(both))
    refused(f"ingest --file {folder}/both.zip --date {DAY}", 2, "contains files of cotahist and futures: name the data")
    done = pyb3(f"ingest futures --file {folder}/both.zip --date {DAY} --json").json
    assert done["warnings"][0] == "both.zip also contains, not read: a.TXT"
    answer = pyb3(f"ingest --file {folder}/2 --date 2024-12-25 --json")
    assert (answer.code, answer.json["outcome"]) == (3, "no_session")


def test_files_of_one_dataset_are_parsed_one_after_another(pyb3, folder: Path, tmp_path: Path) -> None:
    answer = pyb3(f"parse --file {folder}/more/4 --file {folder}/1 --output {tmp_path}/x.csv")
    assert (answer.code, answer.err) == (0, "")
    days = [line.split(",")[1] for line in (tmp_path / "x.csv").read_text().splitlines()[1:]]
    assert days == ["2024-01-15"] * 3 + ["2024-01-16"] * 4
    assert "2024-01-16" in pyb3(f"parse cotahist --file {folder}/1").out


def test_files_of_several_datasets_are_not_one_frame(refused, folder: Path) -> None:
    refused(f"parse --file {folder}", 2, "the files are of yield_curves and cotahist and futures: name the dataset")
    (folder / "0.md").write_text("# Files")
    refused(f"parse --file {folder}", 6, "0.md is not a file of any dataset")


def test_the_newest_version_of_a_report_is_loaded_last(pyb3, database, tmp_path: Path) -> None:
    """Each is a file of its own, and the names are in the other order."""
    (tmp_path / "1.xml").write_bytes(generate.price_report(DAY, 5, 7, version=1))
    (tmp_path / "2.xml").write_bytes(generate.price_report(DAY, 5, 8))
    answer = pyb3(f"ingest --file {tmp_path} --json")
    assert [Path(one["file"]).name for one in answer.objects] == ["2.xml", "1.xml"]
    assert pyb3(f"ingest --file {tmp_path}/1.xml --json").json["outcome"] == "unchanged"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cotahist", generate.cotahist([DAY], 5)),
        ("yield_curves", generate.swap_rates(DAY, 3)),
        ("futures", generate.price_report(DAY, 5)),
        ("futures", generate.trade_information(DAY, 5)),
        ("symbols", generate.instruments_consolidated(DAY, 5).decode("latin-1").encode()),
        ("symbols", generate.instrument_file(DAY, 5).removeprefix(b"\xef\xbb\xbf")),
        ("index_historical", generate.index_report(DAY, 5).removeprefix(b"\xef\xbb\xbf")),
        ("index_composition", generate.stock_index(DAY)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_changes_nothing(
    pyb3, database, tmp_path: Path, name: str, data: bytes, packed: bool
) -> None:
    done = []
    for number, text in enumerate((data, b"\xef\xbb\xbf" + data)):
        path = tmp_path / f"{number}"
        path.write_bytes(generate.zipped("x.TXT", text) if packed else text)
        done.append(pyb3(f"ingest --file {path} --json").json)
    first, second = done
    assert (second["dataset"], second["outcome"], second["unchanged"]) == (name, "unchanged", first["inserted"])
    assert second["updated"] == 0


def test_every_real_file_of_a_dataset_is_found_in_one_call(real: Path) -> None:
    found = at_hand.found([real / "cotahist", real / "futures", real / "yield_curves"])
    good = [one for one in found if one.dataset is not None]
    assert len(good) > 15 and [one.day for one in good] == sorted(one.day for one in good if one.day)
    bad = sorted(one.file.path.name for one in found if one.dataset is None)
    assert bad == [
        "SPRD230202.expected.csv",
        "SPRD250203.expected.csv",
        "cotahist_years.csv",
        "maturities_20150102.csv",
    ]


def test_a_pipe_is_refused_before_it_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    end = os.open(tmp_path / "pipe", os.O_RDWR)  # so that opening it does not wait for a writer
    try:
        (one,) = at_hand.found([tmp_path / "pipe"])
    finally:
        os.close(end)
    assert "is a pipe, not a file" in str(one.error)


def test_a_json_that_is_nested_without_end_is_no_sidecar(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" * 100_000)
    (one,) = at_hand.found([tmp_path])
    assert "is not a file of any dataset" in str(one.error)
