"""pyb3 notify: tell the webhook at PYB3_NOTIFY_URL what is wrong with a run, and when it is right again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ..errors import NotDelivered
from . import report, show

_SAID = (0, 3, 4)  # exit codes that the units of --json explain


def notify(
    outcomes: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What --json printed; - is stdin.")],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="DATASET", help="The dataset of a run that reported no unit.")
    ] = "",
    exit_code: Annotated[
        int, typer.Option("--exit-code", metavar="CODE", help="How the run ended: it may have failed without a unit.")
    ] = 0,
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Where to read more: the job's page.")] = "",
) -> None:
    """Send JSON to PYB3_NOTIFY_URL when a run has problems, and when the next one has none.

    Each dataset has a message of its own: text (which Slack and others show), dataset, state (wrong or right), units
    and link. Problems that were reported before are not repeated. Without PYB3_NOTIFY_URL nothing is sent. When the
    address does not answer, the command prints one line and exits with 0; the next run sends the message.

    Example: pyb3 backfill futures --last 10 --json | pyb3 notify -
    """
    from .. import settings, webhook

    units = report.units(outcomes)
    url = settings.notify_url()
    if url is None:
        return
    names = dict.fromkeys([*(unit["dataset"] or "files" for unit in units), *filter(None, [dataset])])
    for name in names or ["run"]:
        problems = [_problem(unit) for unit in units if (unit["dataset"] or "files") == name and report.wrong(unit)]
        if not problems and exit_code not in _SAID:
            ended = f"the run ended with exit code {exit_code}; its log says why"
            problems = [{"unit": "", "outcome": f"exit code {exit_code}", "message": ended}]
        told = webhook.message(name, problems, webhook.reported(name), link)
        if told is None:
            continue
        try:
            webhook.post(url, told)
            webhook.remember(name, problems)
        except NotDelivered as error:
            show.notice(str(error))


def _problem(unit: Mapping[str, Any]) -> dict[str, Any]:
    facts = ("dataset", "unit", "outcome", "late", "hours_since_session", "missed_runs")
    return {fact: unit[fact] for fact in facts if fact in unit} | {"message": report.message(unit)}
