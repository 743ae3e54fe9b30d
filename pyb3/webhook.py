"""Messages to an address of the user's (PYB3_NOTIFY_URL): when a run goes wrong, and when it is right again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from . import settings
from .errors import NotDelivered
from .fetch import tls

_SECONDS = 10
_LINES = 10  # of a text; `units` has all of them
_WIDTH = 300


def message(
    dataset: str, problems: Sequence[Mapping[str, Any]], before: Sequence[str], link: str = ""
) -> dict[str, Any] | None:
    """The message about one dataset's run; None where its problems are the ones that were reported before.

    `text` is what chats such as Slack show. A problem has a `unit`, an `outcome` and a `message`.
    """
    if _names(problems) == list(before):
        return None
    if problems:
        lines = [f"{one['unit']} {one['message']}".strip()[:_WIDTH] for one in problems]
        more = [f"and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else []
        text = [f"PyB3 {dataset}: {len(lines):,} to look at", *lines[:_LINES], *more]
    else:
        text = [f"PyB3 {dataset}: the last run found nothing wrong (before: {', '.join(before)})"[:_WIDTH]]
    told: dict[str, Any] = {"text": "\n".join([*text, *filter(None, [link])]), "dataset": dataset}
    told |= {"state": "wrong" if problems else "right", "units": [dict(one) for one in problems]}
    return told | {"link": link} if link else told


def post(url: str, value: Mapping[str, Any]) -> None:
    """Send a message. Raises NotDelivered, which names the host alone: the rest of an address may be a secret."""
    host = urlsplit(url).hostname
    try:
        with (
            httpx.Client(timeout=_SECONDS, verify=tls.context()) as client,
            client.stream("POST", url, json=value) as answer,  # its body is not read
        ):
            status = answer.status_code
    except httpx.TimeoutException as error:
        raise NotDelivered(f"{host} did not take the message: no answer within {_SECONDS} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotDelivered(f"{host} did not take the message: {type(error).__name__}") from error
    if not 200 <= status < 300:
        raise NotDelivered(f"{host} did not take the message: HTTP {status}")


def reported(dataset: str) -> list[str]:
    """The problems of a dataset that were reported last."""
    try:
        known = json.loads(_path(dataset).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [str(one) for one in known] if isinstance(known, list) else []


def remember(dataset: str, problems: Sequence[Mapping[str, Any]]) -> None:
    """Keep what was reported, so that the next run of the night does not repeat it. Raises NotDelivered."""
    path = _path(dataset)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_names(problems)), "utf-8")
    except OSError as error:
        raise NotDelivered(f"the message was sent, but {path} cannot be written: {error.strerror}") from error


def _names(problems: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{one['unit']} {one['outcome']}".strip() for one in problems]


def _path(dataset: str) -> Path:
    return settings.cache_dir() / ".notified" / re.sub(r"\W", "_", dataset)
