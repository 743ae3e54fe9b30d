"""Certificate authorities made on the spot, a TLS server that shows what it is told to, and a proxy."""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

_NOW = datetime.now(UTC)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass(frozen=True)
class Certified:
    """A certificate and its key; an authority where `ca`."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def sign(self, name: str, *, aia: str | None = None, ca: bool = True, key_id: bytes = b"") -> Certified:
        """An authority below this one; `aia` is where its certificate says that this one's is.

        Without `ca` it is none; with a `key_id` it is not the one that certificates below it ask for.
        """
        return _signed(name, self, aia, ca=ca, key_id=key_id)

    def for_host(
        self, host: str = "localhost", *, aia: str | None = None, expired: bool = False, names_key: bool = True
    ) -> Certified:
        """A host's certificate; without `names_key` it does not name the key that signed it (no AKI)."""
        return _signed(host, self, aia, ca=False, host=host, expired=expired, names_key=names_key)


def root(name: str = "Test Root", issuer: str | None = None, *, usage: bool = True, critical: bool = True) -> Certified:
    """An authority that signs itself; `issuer` is its name written in another way.

    Without `usage` its certificate does not say what the key is for; without `critical` it does not say that it must
    be understood to be an authority's. RFC 5280 asks for both.
    """
    return _signed(name, None, None, ca=True, issuer=issuer, usage=usage, critical=critical)


def _signed(
    name: str,
    by: Certified | None,
    aia: str | None,
    *,
    ca: bool,
    host: str | None = None,
    expired: bool = False,
    key_id: bytes = b"",
    issuer: str | None = None,
    names_key: bool = True,
    usage: bool = True,
    critical: bool = True,
) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = by.key if by else key
    own = x509.SubjectKeyIdentifier(key_id) if key_id else x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(by.certificate.subject if by else _named(issuer or name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW - timedelta(days=30))
        .not_valid_after(_NOW + timedelta(days=-1 if expired else 30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=critical)
        .add_extension(own, critical=False)
    )
    if names_key:
        of_signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(of_signer, critical=False)
    if ca and usage:
        usages = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usages), critical=True)
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if aia is not None:
        where = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(aia))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    return Certified(builder.sign(signer, hashes.SHA256()), key)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


_S = TypeVar("_S", "Server", "Proxy")


def name_hash(name: str) -> str:
    """What OpenSSL calls the file of an authority of that common name, in a folder of authorities."""
    text = name.lower().encode()
    attribute = bytes([0x06, 3, 0x55, 4, 3, 0x0C, len(text)]) + text
    sequence = bytes([0x30, len(attribute)]) + attribute
    canonical = bytes([0x31, len(sequence)]) + sequence
    return f"{int.from_bytes(hashlib.sha1(canonical).digest()[:4], 'little'):08x}"


class Server(ThreadingHTTPServer):
    """Answers each path with `answers[path]`: (status, body, headers); notes what it is asked."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.requests: list[str] = []
        self.pause = 0.0  # seconds after each byte of an answer
        self.context = context

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://localhost:{self.server_port}"

    def put(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        self.answers[path] = status, body, headers
        return self.url + path

    def finish_request(self, request: Any, address: Any) -> None:
        if self.context is None:
            return super().finish_request(request, address)
        try:  # in the request's own thread, so that a handshake holds up nobody
            with self.context.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, address)
        except (OSError, ValueError):
            pass  # the other side thinks nothing of the certificate


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        status, body, headers = self.server.answers.get(self.path, (404, b"", {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if not self.server.pause:
                self.wfile.write(body)
            for byte in body if self.server.pause else b"":
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.pause)
        except OSError:
            self.close_connection = True

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


class Proxy(ThreadingHTTPServer):
    """Passes on what CONNECT asks for, wherever that leads: `hosts` maps names to ports of this machine."""

    daemon_threads = True

    def __init__(self, hosts: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.hosts = hosts
        self.requests: list[str] = []


class _Tunnel(BaseHTTPRequestHandler):
    server: Proxy

    def log_message(self, *args: object) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.server.requests.append(self.path)
        with socket.create_connection(("127.0.0.1", self.server.hosts[self.path])) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pass_on, args=(there, self.connection), daemon=True)
            back.start()
            _pass_on(self.connection, there)
            back.join()
        self.close_connection = True


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while block := source.recv(1 << 16):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def serving(server: _S) -> Iterator[_S]:
    with server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def showing(folder: Path, own: Certified, *rest: Certified) -> Server:
    """A TLS server that shows `own`, and whatever of its chain is in `rest`."""
    file = folder / f"{own.certificate.serial_number}.pem"
    key = own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(key + own.pem + b"".join(one.pem for one in rest))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return Server(context)
