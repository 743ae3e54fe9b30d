"""Yield curves: every vertex of B3's TS file, exactly, out of its self-extracting archive."""

from __future__ import annotations

import io
import re
import struct
import tempfile
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.datasets import registry
from pyb3.datasets.yield_curves import UNCERTAIN
from pyb3.errors import FieldInvalid, FileError, Incomplete, WrongDate
from pyb3.file import File
from pyb3.parse.archive import Member, open_member
from pyb3.parse.fixed_width import read_fixed_width
from pyb3.parse.rejects import Rejects
from tests.support import generate

DAY = date(2024, 1, 15)
# A rate below zero, as B3 published it on 2026-09-14.
NEGATIVE = "0049060010120260914T1DCL  CUPOM LIMPO - S0000100001-00001179600000F00001"


def frame(path: Path, rejects: Rejects | None = None, notes: list[str] | None = None) -> pl.DataFrame:
    return registry.get("yield_curves").frame([File.at(path)], rejects=rejects, notes=notes)


def written(row: dict) -> str:
    """A row as the record it came from."""
    sign = "-" if row["rate"] < 0 else "+"
    return (
        f"{row['transaction_id']:06}{row['complement']}{row['record_type']}{row['refdate']:%Y%m%d}{row['curve_group']}"
        f"{row['curve_code']:<5}{row['description']:<15}{row['calendar_days']:05}{row['business_days']:05}"
        f"{sign}{abs(int(row['rate'].scaleb(7))):014}{row['vertex_kind']}{row['vertex_code']}"
    )


def test_every_record_of_the_real_file_can_be_written_again(real: Path) -> None:
    path = real / "yield_curves" / "TaxaSwap_20141212.txt"
    rows = frame(path)
    assert rows.height == 348
    assert [written(row) for row in rows.iter_rows(named=True)] == path.read_bytes().decode("latin-1").split("\r\n")
    assert not rows.select(registry.get("yield_curves").template.key).is_duplicated().any()


def test_the_real_file_loads_once(pyb3, database, real: Path) -> None:
    line = f"ingest yield_curves --file {real}/yield_curves/TaxaSwap_20141212.txt --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert (first["outcome"], first["inserted"], first["refdate"]) == ("loaded", 348, "2014-12-12")
    assert (second["outcome"], second["inserted"], second["updated"], second["unchanged"]) == ("unchanged", 0, 0, 348)
    stored = database.execute(
        "SELECT calendar_days, business_days, rate, vertex_kind FROM yield_curves"
        " WHERE curve_code = 'APR' ORDER BY calendar_days LIMIT 1"
    ).fetchone()
    assert stored == (3, 1, Decimal("11.5900000"), "F")


WHOLE = "yield_curves/TS190910.ex_"
# Codes of that file whose numbers are prices or levels, as the market lists them, and index funds and a basket of
# shares whose numbers grow as those of BVA do.
PRICES = """
    PTX EUR JPY INP BRP RLI RFS RDA RDC RYN RPM RPL RRA RYR RZE AUD CAD CHF CLP CNH CNY DEU DYE GBP MXN NOK NZD SEK TRY
    ZAR RUB ARB ARS SAB SAM SAC SJC SFI ACF WTI BVA SMA MLA HAN FTS MIC ITC IAS IPS BRA CMO FIN GOV MOB SUS SBP
""".split()
UNKNOWN = "SAU SCA SCF SCL SCN SDE SET SFJ SGP SLT SMX SNZ STR SYD SZA".split()


def test_each_vertex_has_its_number_in_one_column(real: Path) -> None:
    notes: list[str] = []
    rows = registry.get("yield_curves").frame([File.at(real / WHOLE)], notes=notes)
    assert rows.height == 28_572 and rows["curve_code"].n_unique() == 105
    filled = rows.select(pl.sum_horizontal(pl.col("rate", "price", "value").is_not_null())).to_series()
    assert filled.unique().to_list() == [1]
    by_column = {
        column: set(rows.filter(pl.col(column).is_not_null())["curve_code"]) for column in ("rate", "price", "value")
    }
    assert by_column["price"] == set(PRICES) and by_column["value"] == set(UNKNOWN)
    assert (
        len(by_column["rate"]) == 34 and {"PRE", "DIC", "DOC", "DOL", "DCL", "DPL", "TIC", "010"} <= by_column["rate"]
    )
    assert notes == [], "the curves of value are known to be uncertain"


def test_a_curve_that_nobody_knows_has_its_numbers_in_value_and_is_named(tmp_path: Path) -> None:
    lines = generate.swap_rates(DAY, 10).decode("latin-1").splitlines()
    new = lines[0][:21] + "QQQ  " + lines[0][26:]
    notes: list[str] = []
    rows = frame(_swaps(tmp_path, [new, *lines[1:]]), Rejects(), notes)
    assert rows.filter(curve_code="QQQ").select("rate", "price", pl.col("value").is_not_null()).rows() == [
        (None, None, True)
    ]
    assert any("curve_code has codes that PyB3 does not know" in note and "QQQ (1 row)" in note for note in notes)


def test_the_numbers_of_each_vertex_are_those_of_the_file(real: Path) -> None:
    rows = frame(real / WHOLE)
    with open_member(real / WHOLE) as member:
        lines = member.read().decode("latin-1").splitlines()
    numbers = rows.select(pl.coalesce("rate", "price", "value")).to_series()
    assert [int(line[51] + line[52:66]) for line in lines] == [int(number.scaleb(7)) for number in numbers]


def test_values_of_a_day_are_where_they_belong(real: Path) -> None:
    rows = frame(real / WHOLE).filter(calendar_days=1)
    told = {code: numbers for code, *numbers in rows.select("curve_code", "rate", "price", "value").iter_rows()}
    assert told["PRE"] == [Decimal("5.9"), None, None]
    assert told["DOC"] == [Decimal("-119.7"), None, None]
    assert told["PTX"] == [None, Decimal("4.1108"), None]
    assert told["EUR"] == [None, Decimal("4.541934"), None]
    assert told["INP"] == told["SBP"] == [None, Decimal("102828"), None]
    assert told["SCF"] == [None, None, Decimal("1")]


def test_index_funds_grow_at_the_rate_of_pre_which_rates_do_not(real: Path) -> None:
    rows = frame(real / WHOLE)
    ends = rows.sort("calendar_days").group_by("curve_code").agg(
        growth=pl.col("price").last().cast(float) / pl.col("price").first().cast(float)
    )  # fmt: skip
    growth = dict(ends.iter_rows())
    for fund in "BVA SMA MLA BRA CMO FIN GOV MOB SUS".split():
        assert 11 < growth[fund] < 15, fund  # 1.07866 ** (8961 / 252) is 14.8
    indexes = rows.filter(pl.col("curve_code").is_in(["INP", "SBP"])).select("calendar_days", "curve_code", "price")
    assert indexes.group_by("calendar_days").agg(pl.col("price").n_unique())["price"].unique().to_list() == [1]


def test_curves_of_an_uncertain_kind_have_their_numbers_in_value(tmp_path: Path) -> None:
    lines = generate.swap_rates(DAY, 10).splitlines()
    (tmp_path / "TaxaSwap.txt").write_bytes(b"\n".join(lines))
    notes: list[str] = []
    rows = registry.get("yield_curves").frame([File.at(tmp_path / "TaxaSwap.txt")], notes=notes)
    named = sorted(set(rows.filter(pl.col("value").is_not_null())["curve_code"]))
    assert len(named) > 20 and {"GLD", "SOL", "SCF"} <= set(named)
    assert notes == [] and set(named) <= UNCERTAIN


def test_the_whole_real_file_loads_and_verifies(pyb3, database, real: Path) -> None:
    line = f"ingest yield_curves --file {real}/{WHOLE} --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert (first["outcome"], first["inserted"], second["outcome"], second["unchanged"]) == (
        "loaded", 28_572, "unchanged", 28_572
    )  # fmt: skip
    counts = database.execute("SELECT count(rate), count(price), count(value) FROM yield_curves").fetchone()
    assert counts == (8_195, 16_072, 4_305)
    verified = pyb3(f"verify yield_curves --file {real}/{WHOLE} --json").json
    assert (verified["result"], verified["rows"]) == ("verified", 28_572)


def test_a_migration_moves_the_prices_there_and_back(pyb3, database, real: Path) -> None:
    line = f"ingest yield_curves --file {real}/{WHOLE} --json"
    pyb3(line)
    columns = "curve_code, calendar_days, vertex_kind, rate, price, value"
    query = f"SELECT {columns} FROM yield_curves ORDER BY transaction_id"
    before = database.execute(query).fetchall()
    assert pyb3("db downgrade 0008").code == 0
    assert database.execute("SELECT count(*), count(rate) FROM yield_curves").fetchone() == (28_572, 28_572)
    one = "SELECT rate FROM yield_curves WHERE curve_code = 'PTX' AND calendar_days = 1"
    assert database.execute(one).fetchone() == (Decimal("4.1108"),)
    assert pyb3("db upgrade").code == 0
    assert database.execute(query).fetchall() == before
    loads = "SELECT count(DISTINCT ingestion_id), count(ingestion_id) FROM yield_curves"
    assert database.execute(loads).fetchone() == (1, 28_572)
    assert pyb3(f"{line} --force").json["unchanged"] == 28_572


def test_a_session_comes_from_b3_with_every_curve(pyb3, database, simulator) -> None:
    first = pyb3(f"ingest yield_curves --date {DAY} --json").json
    second = pyb3(f"ingest yield_curves --date {DAY} --json").json
    assert (first["outcome"], first["source"], second["outcome"]) == ("loaded", "TS", "unchanged")
    curves = {code for (code,) in database.execute("SELECT DISTINCT curve_code FROM yield_curves")}
    assert len(curves) > 100
    assert {"PRE", "DIC", "DOC", "DOL", "SLP", "PTX"} <= curves
    assert simulator.requests == ["/www.b3.com.br/pesquisapregao/download?filelist=TS240115.ex_"]


def test_di1_settles_at_the_rate_of_the_pre_curve(pyb3, database, simulator) -> None:
    pyb3(f"ingest futures --date {DAY}")
    pyb3(f"ingest yield_curves --date {DAY}")
    pairs = database.execute(
        "SELECT f.settlement_rate, c.rate FROM futures f JOIN yield_curves c ON c.refdate = f.refdate"
        " AND c.curve_code = 'PRE' AND c.calendar_days = f.maturity_date - f.refdate WHERE f.commodity = 'DI1'"
    ).fetchall()
    assert len(pairs) > 10
    assert all(settled == rate for settled, rate in pairs)


@given(rate=st.integers(0, 10**14 - 1), sign=st.sampled_from("+-"))
def test_the_sign_stands_before_the_rate(rate: int, sign: str) -> None:
    (row,) = parsed(NEGATIVE[:51] + sign + f"{rate:014}" + NEGATIVE[66:])
    assert row["rate"] == Decimal(f"{sign}{rate}").scaleb(-7)


@pytest.mark.parametrize("sign", [" ", "0", "?"])
def test_a_rate_without_a_sign_is_null_and_set_aside(tmp_path: Path, sign: str) -> None:
    with pytest.raises(FieldInvalid, match="line 1, field Taxa teórica"):
        parsed(NEGATIVE[:51] + sign + NEGATIVE[52:])
    lines, rejects = generate.swap_rates(DAY, 10).decode("latin-1").splitlines(), Rejects()
    rates = frame(_swaps(tmp_path, lines))["rate"].to_list()
    lines[4] = lines[4][:51] + sign + lines[4][52:]
    assert frame(_swaps(tmp_path, lines), rejects)["rate"].to_list() == [*rates[:4], None, *rates[5:]]
    (record,) = rejects.records
    assert (record.line, record.field, record.record, record.loaded) == (5, "Taxa teórica", lines[4], True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda line: line + "x", "line 4: it is not a record: .* 73 characters instead of 72"),
        (lambda line: line[:-1], "line 4: it is not a record: .* 71 characters instead of 72"),
        (lambda line: line[:9] + "02" + line[11:], "line 4: it is not a record: "),
        (lambda line: line[:41] + "0A0" + line[44:], "line 4, field Número de dias"),
    ],
)
def test_a_record_that_is_none_is_set_aside_and_named_with_its_line(tmp_path: Path, change, words: str) -> None:
    lines = generate.swap_rates(DAY, 10).decode("latin-1").splitlines()
    whole, rejects, path = frame(_swaps(tmp_path, lines)), Rejects(), tmp_path / "TaxaSwap.txt"
    _swaps(tmp_path, [*lines[:3], change(lines[3]), *lines[4:]])
    assert frame(path, rejects).equals(pl.concat([whole[:3], whole[4:]]))
    (record,) = rejects.records
    assert re.search(words, str(record)) and record.record == change(lines[3]) and not record.loaded
    with pytest.raises(FileError, match=words):
        frame(path, Rejects(strict=True))


def _swaps(folder: Path, lines: list[str]) -> Path:
    (folder / "TaxaSwap.txt").write_text("\n".join(lines), encoding="latin-1")
    return folder / "TaxaSwap.txt"


@pytest.mark.parametrize("strict", [True, False])
def test_blank_lines_and_blanks_behind_a_record_lose_nothing_and_are_noted(tmp_path: Path, strict: bool) -> None:
    lines = generate.swap_rates(DAY, 10).decode("latin-1").splitlines()
    whole, rejects, notes = frame(_swaps(tmp_path, lines)), Rejects(strict=strict), list[str]()
    path = _swaps(tmp_path, [*lines[:3], "", lines[3] + "  ", " " * 72, *lines[4:]])
    assert frame(path, rejects, notes).equals(whole)
    assert not rejects.partial and rejects.records == []
    assert [note for note in notes if note.startswith("TaxaSwap")] == [
        "TaxaSwap.txt, a blank line (2 times, first line 4: '')",
        "TaxaSwap.txt, blanks behind a record of 72 characters (once, first line 5: '  ')",
    ]


def _numbered(lines: list[str], numbers: list[int]) -> list[str]:
    return [f"{number:06}{line[6:]}" for number, line in zip(numbers, lines, strict=False)]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([1, 2, 3, 1, 2, 3], ["line 4, {field}: it begins anew, 1 follows 3"]),
        ([1, 2, 3, 0, 1, 2], ["line 4, {field}: it begins anew, 0 follows 3"]),
        ([999_998, 999_999, 0, 1, 2], ["line 3, {field}: it begins anew, 0 follows 999,999"]),
        ([1, 3, 5, 7], ["{field}: it grows by 2 a record, not by 1"]),
        ([10, 20, 30, 10, 20], None),
        ([1, 2, 5], None),
        ([1, 2, 2], None),
        ([1, 2, 4, 6], None),
        ([1, 3, 4], None),
        ([5, 4, 3], None),
        ([1, 2, 3, 2, 3], None),
    ],
)
def test_the_running_number_may_restart_or_step_but_has_no_gap(
    tmp_path: Path, numbers: list[int], told: list[str] | None
) -> None:
    lines = generate.swap_rates(DAY, 10).decode("latin-1").splitlines()
    path, notes = _swaps(tmp_path, _numbered(lines, numbers)), list[str]()
    if told is None:
        with pytest.raises(Incomplete, match="field Identificação da transação: .* follows .*, records are missing"):
            frame(path)
        return
    assert frame(path, notes=notes).height == len(numbers)
    field = "field Identificação da transação"
    assert notes == [f"TaxaSwap.txt{',' if one[0] == '{' else ''} {one.format(field=field)}" for one in told]


@given(st.data())
def test_a_gap_is_seen_beside_records_that_are_set_aside_and_blank_lines(data: st.DataObject) -> None:
    """A record may be missing only where a bad one or a blank line can stand for it."""
    count, step = data.draw(st.integers(6, 20)), data.draw(st.sampled_from([1, 1, 2]))
    lines = generate.swap_rates(DAY, 10).decode("latin-1").splitlines()[:count]
    lines = _numbered(lines, [1 + step * n for n in range(count)])
    bad = data.draw(st.sets(st.integers(2, count - 1), max_size=2))
    gone = data.draw(st.none() | st.integers(2, count - 2).filter(lambda n: not {n - 1, n, n + 1} & bad))
    for n in bad:
        lines[n] = data.draw(st.sampled_from(["x", lines[n][:-1], lines[n][:9] + "02" + lines[n][11:]]))
    if gone is not None:
        del lines[gone]
    with tempfile.TemporaryDirectory() as folder:
        path, rejects = _swaps(Path(folder), lines), Rejects()
        if gone is not None:
            with pytest.raises(Incomplete, match="records are missing"):
                frame(path, rejects)
        else:
            assert frame(path, rejects).height == count - len(bad)
            assert sorted(record.line for record in rejects.records) == sorted(n + 1 for n in bad)


def test_a_record_that_is_missing_is_missed(refused, pyb3, database, tmp_path: Path) -> None:
    lines = generate.swap_rates(DAY, 10).splitlines()
    (tmp_path / "TaxaSwap.txt").write_bytes(b"\n".join(lines[:7] + lines[9:]))
    words = r"line 8, field Identificação da transação: 10 follows 7, records are missing .*--allow-incomplete"
    refused(f"ingest yield_curves --file {tmp_path}/TaxaSwap.txt", 6, words)
    done = pyb3(f"ingest yield_curves --file {tmp_path}/TaxaSwap.txt --allow-incomplete --json").json
    assert done["inserted"] == len(lines) - 2


def test_records_are_counted_on_over_the_files_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pyb3.parse.fixed_width.CHUNK", 1000)
    lines = generate.swap_rates(DAY, 10).splitlines()
    (tmp_path / "TaxaSwap.txt").write_bytes(b"\n".join(lines))
    assert frame(tmp_path / "TaxaSwap.txt").height == len(lines)
    (tmp_path / "TaxaSwap.txt").write_bytes(b"\n".join(lines[:500] + lines[501:]))
    with pytest.raises(Incomplete, match="line 501, .* 502 follows 500"):
        frame(tmp_path / "TaxaSwap.txt")


def test_all_records_are_of_one_day(tmp_path: Path) -> None:
    one, other = generate.swap_rates(DAY, 10), generate.swap_rates(date(2024, 1, 16), 10)
    lines = one.splitlines()
    lines[4] = other.splitlines()[4]
    (tmp_path / "TaxaSwap.txt").write_bytes(b"\n".join(lines))
    with pytest.raises(WrongDate, match="rows of 2024-01-15 and of 2024-01-16"):
        frame(tmp_path / "TaxaSwap.txt")


def test_another_days_file_is_refused(refused, database, simulator) -> None:
    simulator.faults = ["other day"]
    refused(f"ingest yield_curves --date {DAY}", 6, "holds rows of 2024-01-12, not only of 2024-01-15")


def test_another_file_is_refused(refused, database, real: Path) -> None:
    refused(f"ingest yield_curves --file {real}/other/Indic.txt", 6, "is not a file of yield_curves")


def test_a_day_without_session_has_no_curves(refused, database, simulator) -> None:
    refused("ingest yield_curves --date 2024-12-25", 3, "no session")
    refused("ingest yield_curves --date 2004-12-23", 3, "no source reaches that date")


def self_extracting(data: bytes, stub: bytes, *, member_counts_it: bool, directory_counts_it: bool) -> bytes:
    """A ZIP behind a Windows stub, whose offsets count the stub or do not."""
    packed = bytearray(generate.zipped("TaxaSwap.txt", data))
    end = packed.rfind(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", packed, end + 16)
    if directory_counts_it:
        struct.pack_into("<I", packed, end + 16, directory + len(stub))
    if member_counts_it:
        struct.pack_into("<I", packed, directory + 42, len(stub))
    return stub + bytes(packed)


@pytest.mark.parametrize("stub", [b"MZ" + bytes(5000), b"MZ" + b"PK\x03\x04 is no member" * 40])
@pytest.mark.parametrize("member_counts_it", [False, True])
@pytest.mark.parametrize("directory_counts_it", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_self_extracting_archive_opens_without_windows(
    tmp_path: Path, stub: bytes, member_counts_it: bool, directory_counts_it: bool, zipped: bool
) -> None:
    data = generate.swap_rates(DAY, 10)
    packed = self_extracting(data, stub, member_counts_it=member_counts_it, directory_counts_it=directory_counts_it)
    path = tmp_path / "TS240115.zip"
    path.write_bytes(generate.zipped("TS240115.ex_", packed) if zipped else packed)
    with open_member(path) as member:
        assert (member.name, member.read()) == ("TaxaSwap.txt", data)


def test_a_windows_program_that_packs_nothing_is_refused(refused, tmp_path: Path) -> None:
    (tmp_path / "TS240115.ex_").write_bytes(b"MZ" + bytes(5000))
    refused(f"parse yield_curves --file {tmp_path}/TS240115.ex_", 6, "is not a whole ZIP")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("TaxaSwap.txt", b"x" * 500)
    spoilt = bytearray(b"MZ" + bytes(100) + buffer.getvalue())
    spoilt[102:106] = b"????"
    (tmp_path / "TS240115.ex_").write_bytes(spoilt)
    refused(f"parse yield_curves --file {tmp_path}/TS240115.ex_", 6, "is not where the directory says")


def parsed(*lines: str) -> list[dict]:
    template = registry.get("yield_curves").template
    member = Member(io.BytesIO("\n".join(lines).encode("latin-1")), "TaxaSwap.txt")
    member.rejects = Rejects("TaxaSwap.txt", strict=True)
    frames = read_fixed_width(member, template, template.formats["taxa_swap"])
    return [row for found in frames for row in found.iter_rows(named=True)]
