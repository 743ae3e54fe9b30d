"""Paths of tags in an XML message, whatever their namespaces."""

from __future__ import annotations

import re
from typing import Any


def any_namespace(path: str) -> str:
    """A path as lxml finds it, whatever the namespace of its tags."""
    return "/".join(tag if tag == "*" else f"{{*}}{tag}" for tag in path.split("/"))


def last_tag(path: str) -> str:
    """The last tag of a path: B3's name of a field."""
    return path.rpartition("/")[2]


def pattern_of(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path.partition("@")[0]).replace(r"\*", "[^/]+"))


def local_name(element: Any) -> str:
    """The tag without its namespace, in which any letter may be: lxml's QName refuses some."""
    return str(element.tag).rpartition("}")[2]
