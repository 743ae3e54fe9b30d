"""A corrected file: what it changed can be read exactly, and what it has no more is told, and removed when asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pyb3 import settings
from pyb3.errors import FileError
from pyb3.load import connect, upsert
from tests.support import generate
from tests.test_load import COTAHIST, DAY, Rows, load, quotes

Counted = tuple[int, int, int, int, int]


def counted(done: dict[str, Any]) -> Counted:
    return done["inserted"], done["updated"], done["unchanged"], done["gone"], done["removed"]


def cotahist(*days: date, rows: int = 50) -> list[str]:
    """The lines of a file: header, records, trailer, and nothing after the last line end."""
    return generate.cotahist(list(days) or [DAY], rows).decode().split("\r\n")


def with_value(line: str, name: str, cents: int) -> str:
    first, last = generate.FIELDS[name]
    return line[: first - 1] + f"{cents:0{last - first + 1}}" + line[last:]


def put(folder: Path, lines: list[str], name: str = "day.TXT") -> Path:
    """A file of these records, whose trailer counts them."""
    trailer = lines[-2][:31] + f"{len(lines) - 1:011}" + lines[-2][42:]
    (folder / name).write_bytes("\r\n".join([*lines[:-2], trailer, ""]).encode())
    return folder / name


@pytest.fixture
def ingest(pyb3) -> Callable[..., dict[str, Any]]:
    """`pyb3 load DATASET --file FILE --json` and what it printed."""

    def run(path: Path, dataset: str = "cotahist", more: str = "") -> dict[str, Any]:
        answer = pyb3(f"load {dataset} --file {path} --json {more}")
        assert answer.code == 0, answer.err
        return answer.json

    return run


def test_a_corrected_day_keeps_what_it_replaced_and_tells_what_is_gone(pyb3, database, ingest, tmp_path: Path) -> None:
    lines = cotahist()
    first = put(tmp_path, lines)
    lines[7] = with_value(lines[7], "PREULT", 1234)
    lines[9] = with_value(with_value(lines[9], "PREULT", 99), "VOLTOT", 7)
    added, gone = lines[20].replace(lines[20][12:24], "NEW11       "), lines[30][12:24].strip()
    corrected = put(tmp_path, [*lines[:30], *lines[31:-2], added, *lines[-2:]], "again.TXT")

    assert counted(ingest(first, more=f"--date {DAY}")) == (50, 0, 0, 0, 0)
    before = dict(database.execute("SELECT symbol, to_jsonb(c)::text FROM cotahist c").fetchall())
    old = dict(database.execute("SELECT symbol, (close, volume)::text FROM cotahist").fetchall())
    done = ingest(corrected, more=f"--date {DAY}")
    assert counted(done) == (1, 2, 47, 1, 0)
    words = f"1 row of {DAY} is in the table and not in the file"
    assert f"{words}; --prune removes it" in done["warnings"]

    rows = database.execute(
        "SELECT key->>'symbol', change, columns, (old->>'close')::numeric, (old->>'volume')::numeric,"
        " ingestion_id, old_ingestion_id FROM revisions ORDER BY cardinality(columns)"
    ).fetchall()
    symbols = [lines[number][12:24].strip() for number in (7, 9)]
    assert [row[:3] for row in rows] == [
        (symbols[0], "updated", ["close"]),
        (symbols[1], "updated", ["close", "volume"]),
    ]
    assert [old[row[0]] for row in rows][1] == f"({rows[1][3]},{rows[1][4]})"
    assert {row[5:] for row in rows} == {(2, 1)}

    assert counted(ingest(corrected, more=f"--date {DAY}")) == (0, 0, 50, 1, 0), "it is told until it is settled"
    pruned = ingest(corrected, more=f"--date {DAY} --prune")
    assert (pruned["outcome"], counted(pruned)) == ("loaded", (0, 0, 50, 1, 1))
    removed = database.execute(
        "SELECT key, old, old_ingestion_id, cardinality(columns) FROM revisions WHERE change = 'removed'"
    ).fetchall()
    ((key, values, number, columns),) = removed
    whole = json.loads(before[gone])
    assert key["symbol"] == gone and {**key, **values, "refdate": str(DAY), "ingestion_id": number} == whole
    assert columns == len(values)
    assert gone not in dict(database.execute("SELECT symbol, 1 FROM cotahist").fetchall())

    settled = ingest(corrected, more=f"--date {DAY} --prune")
    assert (settled["outcome"], counted(settled), any("table" in told for told in settled["warnings"])) == (
        "unchanged",
        (0, 0, 50, 0, 0),
        False,
    )
    assert counted(ingest(corrected, more="--force")) == (0, 0, 50, 0, 0)
    back = ingest(first, more=f"--date {DAY}")
    assert counted(back) == (1, 2, 47, 1, 0), "bytes known to the ledger are read again after rows were removed"


def test_history_shows_what_each_ingestion_changed_and_what_it_became(pyb3, database, ingest, tmp_path: Path) -> None:
    lines = cotahist(rows=5)
    closes = []
    for cents in (100, 110, 120):
        lines[3] = with_value(lines[3], "PREULT", cents)
        ingest(put(tmp_path, lines))
        closes.append(f"{Decimal(cents).scaleb(-2)}")
    del lines[2]
    ingest(put(tmp_path, lines), more="--prune")
    told = {line["id"]: line for line in pyb3(f"history cotahist --date {DAY} --json").objects}
    close = [told[number]["revisions"][0]["columns"]["close"] for number in (2, 3)]
    assert close == [{"old": "1.00", "new": "1.10"}, {"old": "1.10", "new": "1.20"}]
    (removed,) = told[4]["revisions"]
    assert (removed["change"], removed["old_ingestion_id"], told[4]["removed"]) == ("removed", 1, 1)
    assert set(removed["columns"]) >= {"close", "isin", "company_name"}
    assert all(value["new"] is None for value in removed["columns"].values())
    assert told[1]["revisions"] == [] and told[1]["file_timestamp"] == "2024-01-15 00:00:00"
    shown = [line.split() for line in pyb3(f"history cotahist --date {DAY}").out.splitlines()]
    assert [line[-3:] for line in shown if "close" in line] == [["close", "1.10", "1.20"], ["close", "1.00", "1.10"]]
    assert any(line[0] == "4" and line[-1] == "removed" for line in shown if line)
    assert any({"gone", "removed", "file_timestamp"} <= set(line) for line in shown)


def test_a_long_history_of_changes_is_cut_for_people_alone(pyb3, database, ingest, tmp_path: Path) -> None:
    lines = cotahist()
    ingest(put(tmp_path, lines))
    ingest(put(tmp_path, [lines[0], *(with_value(line, "PREULT", 1) for line in lines[1:-2]), *lines[-2:]]))
    answer = pyb3(f"history cotahist --date {DAY}")
    assert answer.out.count(" close ") == 40 and "10 more changes; --json has them all" in answer.err
    assert len(pyb3(f"history cotahist --date {DAY} --json").objects[0]["revisions"]) == 50


def test_any_row_of_days_that_are_loaded_again_and_again_can_be_read_as_it_was(database) -> None:
    """Rows come, change and go by chance; revisions hold exactly what each load found and no more has."""
    draw, odd = random.Random(7), ["", 'a,"b"', "x\ny", "\x01", "ç", "'", "\\.", "NULL"]
    held: dict[tuple[str, str], dict[str, Any]] = {}
    for _ in range(8):
        rows = {}
        for symbol in draw.sample([*odd, *(f"S{n}" for n in range(20))], 16):
            name = draw.choice([None, "", "A", symbol])
            rows[symbol, "02"] = {
                "symbol": symbol,
                "company_name": name,
                "close": Decimal(draw.randint(0, 3)).scaleb(-2),
            }
        frame = pl.concat(quotes(1, **values) for values in rows.values())
        with connect.connect() as connection:
            batches = [Rows(part) for part in frame.iter_slices(draw.choice([3, 16]))]
            loaded = upsert.load(connection, COTAHIST, lambda some=batches: some, prune=lambda: True)
        found = database.execute(
            "SELECT key->>'symbol', key->>'bdi_code', change, columns, old->>'company_name', (old->>'close')::numeric,"
            " old ? 'close', old ? 'company_name' FROM revisions WHERE ingestion_id = %s",
            (loaded.number,),
        ).fetchall()
        expected = set()
        for key, values in held.items():
            if key not in rows:
                expected.add((*key, "removed", values["company_name"], values["close"]))
            elif changed := {name: values[name] for name in values if values[name] != rows[key][name]}:
                expected.add((*key, "updated", changed.get("company_name"), changed.get("close")))
        assert {(*row[:3], *row[4:6]) for row in found} == expected
        assert all((row[6], row[7]) == ("close" in row[3], "company_name" in row[3]) for row in found)
        counts = loaded.counts
        gone = len(held.keys() - rows.keys())
        assert (counts.gone, counts.removed, counts.inserted) == (gone, gone, len(rows.keys() - held.keys()))
        held = rows
        there = database.execute("SELECT symbol, bdi_code, company_name, close FROM cotahist").fetchall()
        assert {(*key, values["company_name"], values["close"]) for key, values in rows.items()} == set(there)


@pytest.mark.parametrize("fails", [False, True])
def test_a_change_of_every_value_is_kept_unless_the_load_fails(database, fails: bool) -> None:
    load(quotes(40))

    def read():
        yield Rows(quotes(40, close=Decimal("1234567890123456789012345678901234.56"), maturity_date=DAY, trades=None))
        if fails:
            raise FileError("damaged at its end")

    with connect.connect() as connection:
        if fails:
            with pytest.raises(FileError):
                upsert.load(connection, COTAHIST, read)
        else:
            upsert.load(connection, COTAHIST, read)
    load(quotes(40))
    numbers = database.execute("SELECT ingestion_id, count(*) FROM revisions GROUP BY 1 ORDER BY 1").fetchall()
    assert [count for _, count in numbers] == ([] if fails else [40, 40])
    exact = "SELECT DISTINCT old->'close' FROM revisions WHERE old->>'maturity_date' = '2024-01-15'"
    values = [f"{text}" for (text,) in database.execute(f"SELECT x::text FROM ({exact}) y(x)")]
    assert values == ([] if fails else ["1234567890123456789012345678901234.56"])


def test_two_sources_that_change_one_row_leave_one_revision(database) -> None:
    load(quotes(1))
    known = [*COTAHIST.key, "record_type"]
    one = quotes(1, close=Decimal("5.00")).select(*known, "close")
    other = quotes(1, quantity=9, close=Decimal("6.00")).select(*known, "quantity", "close")
    load(Rows(one, whole=None), Rows(other, whole=None))
    rows = database.execute("SELECT columns, old FROM revisions").fetchall()
    assert rows == [(["close", "quantity"], {"close": 0, "quantity": 0})]


def test_a_table_whose_rows_bear_no_number_is_looked_after_too(database) -> None:
    database.execute("ALTER TABLE cotahist DROP COLUMN ingestion_id")
    load(quotes(5))
    changed = pl.concat([quotes(3, close=Decimal("5.00")), quotes(1, first=3)])
    with connect.connect() as connection:
        found = upsert.load(connection, COTAHIST, lambda: [Rows(changed)], prune=lambda: True).counts
    assert (found.updated, found.unchanged, found.gone, found.removed) == (3, 1, 1, 1)
    rows = database.execute("SELECT change, count(*), max(old_ingestion_id) FROM revisions GROUP BY 1").fetchall()
    assert sorted(rows) == [("removed", 1, None), ("updated", 3, None)]


def test_a_year_tells_its_days_and_leaves_alone_those_it_has_no_row_of(database, ingest, tmp_path: Path) -> None:
    days = [date(2024, 1, 15), date(2024, 1, 16), date(2024, 1, 17)]
    ingest(put(tmp_path, cotahist(*days, rows=20)))
    lines = cotahist(*days[:2], rows=20)
    done = ingest(put(tmp_path, [line for n, line in enumerate(lines) if n not in (5, 6, 30)]))
    assert done["gone"] == 3
    words = "3 rows of 2 days from 2024-01-15 to 2024-01-16 are in the table and not in the file; --prune removes them"
    assert done["warnings"] == [words]
    assert ingest(put(tmp_path, lines[:1] + lines[2:]), more="--prune")["removed"] == 1
    left = database.execute("SELECT refdate, count(*) FROM cotahist GROUP BY 1 ORDER BY 1").fetchall()
    assert left == [(days[0], 19), (days[1], 20), (days[2], 20)]


def test_a_stray_row_of_another_sessions_file_is_not_gone(database, ingest, tmp_path: Path) -> None:
    following = date(2024, 1, 16)
    (tmp_path / "stray.xml").write_bytes(generate.price_report(DAY, 50, strays=["DI1F25"]))
    text = generate.price_report(following, 50)
    start = text.rindex(b"<BizGrp>", 0, text.index(b"<TckrSymb>DI1F25<"))
    end = text.index(b"</BizGrp>", start) + len(b"</BizGrp>")
    announced = int(text.split(b"<TtlNbOfMsg>")[1].split(b"<")[0])
    lacking = text[:start] + text[end:]
    lacking = lacking.replace(b"<TtlNbOfMsg>%d<" % announced, b"<TtlNbOfMsg>%d<" % (announced - 1))
    (tmp_path / "day.xml").write_bytes(lacking)
    ingest(tmp_path / "stray.xml", "futures")
    done = ingest(tmp_path / "day.xml", "futures", "--prune")
    assert (done["gone"], done["removed"]) == (0, 0)
    count = "SELECT count(*) FROM futures WHERE refdate = %s AND symbol = 'DI1F25'"
    assert database.execute(count, (following,)).fetchone() == (1,)
    (tmp_path / "whole.xml").write_bytes(text)
    ingest(tmp_path / "whole.xml", "futures")
    assert counted(ingest(tmp_path / "day.xml", "futures", "--prune"))[3:] == (1, 1)


def test_what_a_lesser_source_lacks_is_not_gone(database, ingest, tmp_path: Path) -> None:
    (tmp_path / "day.xml").write_bytes(generate.price_report(DAY, 60))
    ingest(tmp_path / "day.xml", "futures")
    text = generate.trade_information(DAY, 500).decode("latin-1")
    settled = [line for line in text.split("\r\n") if ";DI1" not in line]
    (tmp_path / "trades.csv").write_bytes("\r\n".join(settled).encode("latin-1"))
    done = ingest(tmp_path / "trades.csv", "futures", "--prune")
    assert (done["source"], done["gone"]) == ("TradeInformationConsolidated", 0)
    less = ingest(tmp_path / "day.xml", "futures", "--prune")
    assert less["removed"] == less["gone"] == done["inserted"], "of a lesser source the better one's file knows"


def test_a_curve_that_lost_its_last_vertex(database, ingest, tmp_path: Path) -> None:
    lines = generate.swap_rates(DAY, 10).decode("latin-1").split("\r\n")
    for name, some in (("first", lines), ("second", [*lines[:-2], ""])):
        (tmp_path / f"{name}.txt").write_bytes("\r\n".join(some).encode("latin-1"))
    first = ingest(tmp_path / "first.txt", "yield_curves")
    again = ingest(tmp_path / "second.txt", "yield_curves", "--prune")
    assert (again["unchanged"], again["gone"], again["removed"]) == (first["rows"] - 1, 1, 1)
    code = lines[-2][21:26].strip()
    rate = Decimal(lines[-2][51:66]).scaleb(-7)
    rows = database.execute(
        "SELECT key->>'curve_code', coalesce(old->>'rate', old->>'value')::numeric FROM revisions"
    ).fetchall()
    assert rows == [(code, rate)] and first["file_timestamp"] is None


def without_last(body: bytes) -> bytes:
    """A portfolio whose last member is gone; the first has its weight and quantity."""
    answer = json.loads(body)
    first, last = answer["results"][0], answer["results"].pop()
    first["part"] = f"{Decimal(first['part']) + Decimal(last['part'])}"
    quantities = [int(row["theoricalQty"].replace(",", "")) for row in (first, last)]
    first["theoricalQty"] = f"{sum(quantities):,}"
    answer["page"]["totalRecords"] -= 1
    return json.dumps(answer).encode()


def test_a_member_is_gone_from_the_portfolio_that_was_read_alone(database, ingest, tmp_path: Path) -> None:
    for code in ("IBOV", "IMOB"):
        path = tmp_path / f"GetPortfolioDay_{code}_20240115.json"
        path.write_bytes(generate.portfolio_day(code, DAY))
        ingest(path, "index_composition")
    (tmp_path / "GetStockIndex_20240115.json").write_bytes(generate.stock_index(DAY))
    ingest(tmp_path / "GetStockIndex_20240115.json", "index_composition", f"--date {DAY}")
    count = "SELECT index_code, portfolio, count(*) FROM index_composition GROUP BY 1, 2"
    before = {row[:2]: row[2] for row in database.execute(count).fetchall()}
    again = tmp_path / "GetPortfolioDay_IMOB_20240115.json"
    again.write_bytes(without_last(again.read_bytes()))
    done = ingest(again, "index_composition", "--prune")
    assert (done["updated"], done["gone"], done["removed"]) == (1, 1, 1)
    after = {row[:2]: row[2] for row in database.execute(count).fetchall()}
    assert after == before | {("IMOB", "current"): before["IMOB", "current"] - 1}
    listed = json.loads(generate.stock_index(DAY))
    listed["results"].pop()
    listed["page"]["totalRecords"] -= 1
    (tmp_path / "GetStockIndex_20240115.json").write_text(json.dumps(listed))
    less = ingest(tmp_path / "GetStockIndex_20240115.json", "index_composition", f"--date {DAY}")
    assert less["gone"] > 0 and less["removed"] == 0


def test_an_index_value_is_gone_only_where_no_other_source_knows_its_row(
    pyb3, database, ingest, simulator, tmp_path: Path
) -> None:
    line = "backfill index_historical --year 2023 --json"
    whole = pyb3(line).json
    reported, only = date(2023, 5, 3), date(2023, 5, 4)
    (tmp_path / "IR230503.xml").write_bytes(generate.index_report(reported))
    ingest(tmp_path / "IR230503.xml", "index_historical")
    path = settings.cache_dir() / "index_historical" / "IndexStatistics_IMOB_2023.json"
    answer = json.loads(path.read_text())
    for day in (reported, only):
        answer["results"][day.day - 1]["rateValue5"] = None
    path.write_text(json.dumps(answer))
    done = pyb3(f"{line} --prune").json
    assert (done["unchanged"], done["gone"], done["removed"]) == (whole["rows"] - 2, 1, 1)
    left = database.execute(
        "SELECT index_code FROM index_historical WHERE refdate = %s AND index_code IN ('IMOB', 'IBOV')", (only,)
    )
    assert left.fetchall() == [("IBOV",)]
    kept = database.execute("SELECT refdate, key, change, (old->>'value')::numeric FROM revisions").fetchall()
    value = Decimal(f"{generate.index_value('IMOB', only):.2f}")
    assert [row for row in kept if row[2] == "removed"] == [(only, {"index_code": "IMOB"}, "removed", value)]


def test_a_day_of_indexes_loses_the_row_that_both_its_sources_lack(pyb3, database, simulator) -> None:
    first = pyb3(f"ingest index_historical --date {DAY} --json").json
    assert first["gone"] == 0
    database.execute(
        "INSERT INTO index_historical (refdate, index_code, value, ingestion_id) VALUES (%(d)s, 'XXXX', 1, 1)",
        {"d": DAY},
    )
    database.execute(
        "INSERT INTO index_historical (refdate, index_code, close, ingestion_id) VALUES (%(d)s, 'YYYY', 1, 1)",
        {"d": DAY},
    )
    done = pyb3(f"ingest index_historical --date {DAY} --force --prune --json").json
    assert (done["unchanged"], done["gone"], done["removed"]) == (first["rows"], 1, 1)
    left = database.execute("SELECT index_code FROM index_historical WHERE index_code IN ('XXXX', 'YYYY')").fetchall()
    assert left == [("XXXX",)], "no statistics of that index were read, but the report of all of them"


def test_a_file_cut_short_makes_nothing_gone(refused, database, ingest, tmp_path: Path) -> None:
    lines = cotahist()
    ingest(put(tmp_path, lines))
    (tmp_path / "cut.TXT").write_bytes("\r\n".join(lines[:30]).encode())
    done = ingest(tmp_path / "cut.TXT", more="--allow-incomplete")
    assert (done["rows"], done["gone"], done["warnings"]) == (29, 0, [])
    for command in ("load", "ingest"):
        line = f"{command} cotahist --file {tmp_path}/cut.TXT --allow-incomplete --prune"
        refused(line, 2, "--prune goes with whole files alone")


def test_backfill_prunes_too(pyb3, database, simulator) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    database.execute(
        "INSERT INTO cotahist SELECT (jsonb_populate_record(c, jsonb_build_object('symbol', 'GONE3'))).*"
        " FROM cotahist c WHERE symbol = (SELECT min(symbol) FROM cotahist)"
    )
    line = f"backfill cotahist --from {DAY} --to {DAY} --json"
    assert pyb3(line).json["gone"] == 0, "the bytes are known, and not read"
    done = pyb3(f"{line} --prune").json
    assert (done["gone"], done["removed"], done["outcome"]) == (1, 1, "loaded")
    assert pyb3(f"{line} --prune").json["outcome"] == "unchanged"


def test_people_and_pages_are_shown_gone_rows_where_there_are_some(pyb3, database, ingest, tmp_path: Path) -> None:
    lines = cotahist()
    path = put(tmp_path, lines)
    assert "gone" not in pyb3(f"load cotahist --file {path}").out
    shorter = put(tmp_path, lines[:1] + lines[2:])
    assert "gone" in pyb3(f"load cotahist --file {shorter}").out
    (tmp_path / "told.json").write_text(pyb3(f"load cotahist --file {shorter} --json --prune").out)
    page = pyb3(f"summary {tmp_path}/told.json").out.splitlines()
    assert page[0] == "| dataset | unit | outcome | rows | inserted | updated | unchanged | gone | removed | seconds |"
    assert page[2].startswith(f"| cotahist | {DAY} | loaded | 49 | 0 | 0 | 49 | 1 | 1 |")


# B3's own time of a file


@pytest.mark.parametrize(
    ("dataset", "name", "made"),
    [
        ("cotahist", "COTAHIST_D25062021.TXT", "2021-06-25T00:00:00"),
        ("futures", "PR180102.xml.gz", "2018-01-02T20:43:42"),
        ("futures", "SPRD250203.zip", "2025-02-03T19:31:37"),
        ("index_historical", "IR210423.zip", "2021-04-23T17:27:00"),
        ("yield_curves", "TaxaSwap_20141212.txt", None),
        ("index_historical", "IndexStatistics_IBOV_2022.json", None),
    ],
)
def test_the_ledger_knows_when_b3_made_a_real_file(database, ingest, real: Path, dataset: str, name: str, made) -> None:
    assert ingest(real / dataset / name, dataset)["file_timestamp"] == made
    (stored,) = database.execute("SELECT file_timestamp FROM ingestions").fetchone()
    assert (stored.isoformat() if stored else None) == made


def test_a_time_that_is_not_one_is_noted_and_costs_nothing(ingest, database, tmp_path: Path) -> None:
    text = generate.price_report(DAY, 5)
    (tmp_path / "x.xml").write_bytes(text.replace(b"<CreDtAndTm>2024-01-15T", b"<CreDtAndTm>2024-13-15T"))
    done = ingest(tmp_path / "x.xml", "futures")
    assert (done["rows"], done["file_timestamp"]) == (5, None)
    assert any('line 40, field CreDtAndTm: "2024-13-15T' in warning for warning in done["warnings"])


def test_bytes_that_are_known_have_their_time_too(pyb3, database, simulator) -> None:
    first, second = (pyb3(f"ingest cotahist --date {DAY} --json").json for _ in range(2))
    assert first["file_timestamp"] == second["file_timestamp"] == f"{DAY}T00:00:00"
