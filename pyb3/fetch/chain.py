"""The certificates a host leaves out of its chain, fetched from where its own certificate says they are.

What is fetched is only a candidate: it must have signed the certificate below it, be an authority's, and end at a
root that is already trusted. Whoever answers in the host's place can thus add nothing.
"""

from __future__ import annotations

import os
import ssl
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import AuthorityInformationAccessOID

_CA_ISSUERS = AuthorityInformationAccessOID.CA_ISSUERS
_AUTHORITIES = 5  # above the host's certificate, the root among them, at most
_ADDRESSES = 3  # tried for one certificate
_SIZE = 64 << 10
_SECONDS = 10.0


class Broken(Exception):
    """The chain cannot be completed; the message says why."""


class _Presented(Exception):
    """Ends a connection as soon as the host's certificate is known."""

    def __init__(self, der: bytes | None) -> None:
        self.der = der


def missing(url: httpx.URL, context: ssl.SSLContext, folder: str | None) -> list[bytes]:
    """The intermediate certificates (DER) between the host's and a root, without those that are at hand.

    Roots are those of `context`, and those in the folder that it looks them up in. Raises Broken, and
    httpx.TransportError where the network fails.
    """
    certificate, found = _presented(url), list[bytes]()
    trusted = context.get_ca_certs(binary_form=True) + list(_in_folder(folder or ""))
    for _ in range(_AUTHORITIES):
        issuer = _among(trusted, certificate)
        if issuer is None:
            issuer = _fetched(certificate, context)
            if issuer.subject == issuer.issuer:
                raise Broken(f"its root authority {_name(issuer.subject)} is not one that this machine trusts")
            found.append(issuer.public_bytes(Encoding.DER))
        elif issuer.subject == issuer.issuer:
            return found
        certificate = issuer
    raise Broken(f"more than {_AUTHORITIES} authorities stand above it")


def _presented(url: httpx.URL) -> x509.Certificate:
    """The certificate a host shows, by a handshake that is broken off before any request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def broken_off(event: str, info: dict[str, Any]) -> None:
        if event.endswith("start_tls.complete"):
            stream = info["return_value"]
            shown = stream.get_extra_info("ssl_object")
            if shown.server_hostname == url.raw_host.decode():  # not a proxy's own
                der = shown.getpeercert(True)
                stream.close()
                raise _Presented(der)
        elif event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            raise _Presented(None)

    try:
        # By httpx, so that it goes through the proxy that requests go through.
        with httpx.Client(verify=context, timeout=_SECONDS) as client:
            client.head(url, extensions={"trace": broken_off})
    except _Presented as presented:
        if presented.der is not None:
            return _parsed(presented.der)
    raise Broken("it could not be read")


def _in_folder(folders: str) -> Iterator[bytes]:
    """Roots in files named by their hash: OpenSSL opens one when it looks for it, and does not list them."""
    for folder in filter(None, folders.split(os.pathsep)):
        for path in sorted(Path(folder).glob("????????.[0-9]")):
            try:
                yield from (found.public_bytes(Encoding.DER) for found in _certificates(path.read_bytes()))
            except (OSError, ValueError):
                continue  # OpenSSL passes over it too


def _among(trusted: list[bytes], certificate: x509.Certificate) -> x509.Certificate | None:
    """Who signed it, of those at hand; a root before a cross-signed certificate of the same authority."""
    name = certificate.issuer.public_bytes()
    signers = [found for der in trusted if name in der and _signed(found := _parsed(der), certificate)]
    return min(signers, key=lambda found: found.subject != found.issuer, default=None)


def _fetched(certificate: x509.Certificate, context: ssl.SSLContext) -> x509.Certificate:
    issuer = _name(certificate.issuer)
    addresses = _addresses(certificate)
    if not addresses:
        raise Broken(f"its authority {issuer} is not known here, and the certificate does not say where to find it")
    failures, network = [], None
    for address in addresses[:_ADDRESSES]:
        try:
            for found in _certificates(_body(address, context)):
                if _is_authority(found) and _signed(found, certificate):
                    return found
            failures.append(f"what {address} answers did not sign it")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, UnsupportedAlgorithm) as error:
            failures.append(f"{address}: {error}")
            network = error if isinstance(error, httpx.TransportError) else network
    message = f"the host leaves out its authority {issuer}, which is not to be had: {'; '.join(failures)}"
    if network is not None:
        raise httpx.ConnectError(message) from network
    raise Broken(message)


def _addresses(certificate: x509.Certificate) -> list[str]:
    """Where a certificate says its authority's is (Authority Information Access), by http.

    Such files are signed themselves; by https the question would come up again.
    """
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    issuers = [entry.access_location for entry in access if entry.access_method == _CA_ISSUERS]
    names = [location.value for location in issuers if isinstance(location, x509.UniformResourceIdentifier)]
    return [name for name in names if name.lower().startswith("http://") and name.isprintable()]


def _body(address: str, context: ssl.SSLContext) -> bytes:
    """The answer, within limits of size and time. Raises httpx.HTTPError, and ValueError where it will not do."""

    def refuse_other_schemes(request: httpx.Request) -> None:
        if request.url.scheme != "http":
            raise ValueError(f"leads to {request.url.scheme}:, which is not followed")

    body, until = b"", time.monotonic() + _SECONDS
    with (
        httpx.Client(
            verify=context,
            timeout=_SECONDS,
            follow_redirects=True,
            max_redirects=2,
            event_hooks={"request": [refuse_other_schemes]},
        ) as client,
        client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as response,
    ):
        if response.status_code != 200:
            raise ValueError(f"HTTP {response.status_code}")
        for block in response.iter_raw():
            body += block
            if len(body) > _SIZE:
                raise ValueError(f"larger than {_SIZE >> 10} KiB, too much for a certificate")
            if time.monotonic() > until:
                raise httpx.ReadTimeout(f"not whole after {_SECONDS:.0f} s")
    return body


def _certificates(body: bytes) -> list[x509.Certificate]:
    """The certificates of a DER, PEM or PKCS#7 file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if b"-----BEGIN CERTIFICATE-----" in body:
                return x509.load_pem_x509_certificates(body)
            if b"-----BEGIN" in body:
                return pkcs7.load_pem_pkcs7_certificates(body)
            try:
                return [x509.load_der_x509_certificate(body)]
            except ValueError:
                return pkcs7.load_der_pkcs7_certificates(body)
        except ValueError as error:
            raise ValueError("no certificate") from error


def _parsed(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old roots' serial numbers, which is nothing to a user
        return x509.load_der_x509_certificate(der)


def _signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _name(name: x509.Name) -> str:
    return repr(name.rfc4514_string())  # repr: it is a stranger's text, for a terminal
