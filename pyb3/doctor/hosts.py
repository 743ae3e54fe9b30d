"""Is each host of the templates reached over verified TLS?"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..fetch.peek import Greeting
from .examination import Examination
from .finding import Finding, failed, ok, skipped, warning

_ADVICE = "see whether this machine reaches the host: a firewall or a proxy (HTTPS_PROXY) may stand between"


def check(examination: Examination) -> Iterator[Finding]:
    """One line a host; one for the mirror where PYB3_MIRROR stands for them all."""
    if examination.offline:
        yield skipped("hosts", "--offline")
        return
    for address, found in examination.greetings.items():
        host = urlsplit(address).netloc.rpartition("@")[2]
        if not isinstance(found, Greeting):
            yield failed(host, found, _ADVICE)
        elif not found.tls:  # only a mirror is asked without
            yield _plain(host, urlsplit(address).hostname or "")
        else:
            chain = "; it leaves certificates out of its chain, which was completed" if found.completed else ""
            yield ok(host, f"{found.tls}, verified, certificate until {found.until}{chain}")


def _plain(host: str, name: str) -> Finding:
    try:
        near = ip_address(name).is_loopback
    except ValueError:
        near = name == "localhost"
    if near:
        return ok(host, "the mirror answers, on this machine and without TLS")
    return warning(host, "the mirror answers without TLS: files can be changed on their way", "give the mirror https")
