"""The fault campaign with small numbers: the same scenarios as `make chaos` runs, so that these stay true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos import answers, bombs, crowd, full, hostile, killed, report, server


@pytest.mark.parametrize(
    "scenario", [killed.program, server.killed, server.cut], ids=["program", "server", "connection"]
)
def test_what_is_struck_at_random_moments_is_whole_after_the_next_run(
    scenario: Callable[[int, int], list[report.Result]],
) -> None:
    assert scenario(1, 31)[0].times == 1


@pytest.mark.parametrize("scenario", [crowd.first_start, crowd.same_day], ids=["first start", "same day"])
def test_processes_do_not_disturb_each_other(scenario: Callable[[int, int], list[report.Result]]) -> None:
    scenario(1, 0)


@pytest.mark.skipif(bool(full.missing()), reason=full.missing() or "none")
def test_a_full_disk_is_told_and_leaves_nothing_half_done() -> None:
    full.cache()


def test_faults_of_b3_leave_nothing_behind() -> None:
    chosen = ("ZIP of another day", "CSV, too short a Content-Length", "UTF-8 in a fixed-width file", "a column less")
    answers.b3(1, 0, [case for case in answers.cases() if case.name in chosen])


def test_hostile_files_are_refused() -> None:
    chosen = ("ZIP bomb that tells its size", "JSON nested 100,000 deep, ZIP", "a message without end, plain")
    hostile.files(1, 0, [one for one in bombs.files(1 << 33) if one.name in chosen])


def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    hostile.redirects(1, 0, hostile.ADDRESSES[:1] + hostile.ADDRESSES[6:7])


def test_the_table_takes_the_place_of_the_same_scenarios_rows(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(report.PAGE.read_text("utf-8"), "utf-8")
    report.write([report.Result("a", 1, "x", "held"), report.Result("b", 1, "y", "held")], page)
    report.write([report.Result("a", 2, "x", "held")], page)
    table = page.read_text("utf-8").partition("<!-- campaign -->\n")[2].partition("<!-- end -->")[0]
    assert "| a | 2 | x | held |\n| b | 1 | y | held |\n" in table
    assert table.count("| a |") == 1
    report.write([report.Result("c", 3, "x", "held")], page, whole=True)
    assert (
        page.read_text("utf-8")
        .partition("<!-- campaign -->\n")[2]
        .startswith(
            "| scenario | times | asserted | what happened |\n|---|---|---|---|\n| c | 3 | x | held |\n<!-- end -->"
        )
    )
    assert report.PAGE.read_text("utf-8").partition("<!-- campaign -->")[0] in page.read_text("utf-8")
