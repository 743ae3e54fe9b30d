"""Verified TLS, also with a host that leaves a certificate out of its chain."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable
from typing import TypeVar

import certifi
import httpx

from ..errors import SourceError, UsageError

_T = TypeVar("_T")
_log = logging.getLogger("pyb3")
_lock = threading.Lock()

# OpenSSL's X509_V_ERR_*
_NO_ISSUER = frozenset({2, 20, 21})
_SELF_SIGNED = frozenset({18, 19})
_NOT_NOW = frozenset({9, 10})
_FORM = frozenset(range(80, 95))  # of VERIFY_X509_STRICT: how a certificate is written, not who signed it


def context() -> ssl.SSLContext:
    """Verifies against the roots in SSL_CERT_FILE and SSL_CERT_DIR, else the system's and certifi's.

    The system's, because that is where a firm keeps the authority of its own proxy; certifi's as well, because many
    a Python does not find the system's. Raises UsageError where SSL_CERT_FILE cannot be read.
    """
    file, folder = _named()
    try:
        made = ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:
        raise UsageError(f"SSL_CERT_FILE is {file!r}, which holds no certificates: {error}") from error
    if file is None and folder is None:
        made.load_verify_locations(certifi.where())
    # Python 3.13 and later would trust any certificate at hand; a fetched intermediate is not a root.
    made.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    if file is not None or folder is not None:
        # Python 3.13 and later also refuse certificates that are not written as RFC 5280 asks, and proxies of firms
        # issue such ones ("Missing Authority Key Identifier"). Signatures, names, dates and roots are verified as ever.
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return made


def _named() -> tuple[str | None, str | None]:
    return os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None


def verified(context: ssl.SSLContext, ask: Callable[[], _T]) -> _T:
    """What `ask` returns; asks again with the chain completed where a host leaves its intermediate certificate out.

    That is a reserve: bvmf.bmfbovespa.com.br was reported to leave it out, and in September and October 2026 a public
    project verified that host each day with certifi's roots alone. Raises SourceError where a certificate cannot be
    verified.
    """
    completed: set[str] = set()
    while True:
        try:
            return ask()
        except httpx.ConnectError as error:
            refusal = _refusal(error)
            if refusal is None:
                raise
            host = error.request.url.host
            if refusal.verify_code not in _NO_ISSUER or host in completed:
                raise _unverified(host, refusal.verify_message.rstrip("."), refusal.verify_code) from error
            _complete(context, error.request.url)
            completed.add(host)


def _refusal(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__  # httpcore drops the cause
    return error


def _complete(context: ssl.SSLContext, url: httpx.URL) -> None:
    from . import chain  # with cryptography, which nothing else needs

    file, folder = _named()
    if file is None and folder is None:
        folder = ssl.get_default_verify_paths().capath
    with _lock:
        try:
            found = chain.missing(url, context, folder)
        except (chain.Broken, ValueError) as error:
            raise _unverified(url.host, str(error)) from error
        except httpx.ConnectError as error:  # worth another try
            raise httpx.ConnectError(str(_unverified(url.host, str(error)))) from error
        for certificate in found:
            context.load_verify_locations(cadata=certificate)
    _log.debug("%s leaves out its intermediate certificate; completed the chain with %d fetched", url.host, len(found))


def _unverified(host: str, why: str, code: int = 20) -> SourceError:
    advice = ""
    if code in _NO_ISSUER | _SELF_SIGNED:
        advice = "; set SSL_CERT_FILE if your network uses its own authority"
    elif code in _NOT_NOW:
        advice = "; is this machine's clock right?"
    elif code in _FORM:
        advice = (
            "; Python 3.13 and later refuse certificates that are written in this way: if your network uses its own "
            "authority, set SSL_CERT_FILE to the file of its certificate, and PyB3 accepts how it writes certificates"
        )
    return SourceError(f"the certificate of {host} cannot be verified: {why}{advice}")
