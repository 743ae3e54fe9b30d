"""TLS is verified, always; a chain that a host leaves incomplete is completed, and then verified too."""

from __future__ import annotations

import logging
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pyb3.errors import SourceError, UsageError
from pyb3.fetch import chain, client, tls
from pyb3.fetch.download import download
from pyb3.fetch.request import Request
from tests.support.tls_server import Certified, Proxy, Server, name_hash, root, serving, showing

PATH = "/bvmf.bmfbovespa.com.br/file.TXT"
OWN_AUTHORITY = "set SSL_CERT_FILE if your network uses its own authority"
FILE = b"00COTAHIST.2024"


class Setting:
    """A trusted root, an http server for authorities' certificates, and what stands in B3's place."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, issuers: Server) -> None:
        self.folder, self.issuers, self._monkeypatch = folder, issuers, monkeypatch
        self.root = root()
        self.trust(self.root)

    def trust(self, *authorities: Certified) -> None:
        file = self.folder / "root.pem"
        file.write_bytes(b"".join(authority.pem for authority in authorities))
        self._monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def plainly(self, url: str) -> httpx.Response:
        """Asked with httpx as it comes, and the same roots."""
        context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
        with httpx.Client(verify=context) as plain:
            return plain.get(url)

    def download(self, b3: Server) -> bytes:
        """The file as PyB3 brings it from the server that stands in B3's place."""
        b3.put(PATH, FILE)
        self._monkeypatch.setenv("PYB3_MIRROR", b3.url)
        request = Request(
            source="test",
            item="",
            form="get",
            url=f"https:/{PATH}",
            file="file.TXT",
            container="none",
        )
        return download(request, self.folder / "file.TXT").read_bytes()

    def refused(self, b3: Server) -> str:
        """What PyB3 says of a server that it does not believe; nothing was asked of it, and nothing kept."""
        with pytest.raises(SourceError) as caught:
            self.download(b3)
        assert b3.requests == []
        assert not (self.folder / "file.TXT").exists()
        assert "localhost" in str(caught.value)
        return str(caught.value)


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    for name in ("SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("PYB3_RETRIES", "1")
    client._client.cache_clear()
    with serving(Server()) as issuers:
        yield Setting(tmp_path, monkeypatch, issuers)
    client._client().http.close()
    client._client.cache_clear()


def der(authority: Certified) -> bytes:
    return authority.der


def pem(authority: Certified) -> bytes:
    return b"Some Authority\n" + authority.pem


def pkcs7_der(authority: Certified) -> bytes:
    other = root("Another")
    return pkcs7.serialize_certificates([other.certificate, authority.certificate], Encoding.DER)


def pkcs7_pem(authority: Certified) -> bytes:
    return pkcs7.serialize_certificates([authority.certificate], Encoding.PEM)


def test_a_host_with_its_whole_chain_needs_nothing_fetched(setting: Setting) -> None:
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host, intermediate)) as b3:
        assert setting.download(b3) == FILE
    assert setting.issuers.requests == []


@pytest.mark.parametrize("form", [der, pem, pkcs7_der, pkcs7_pem])
def test_a_host_that_leaves_its_intermediate_out_is_read_all_the_same(
    setting: Setting, form: Callable[[Certified], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="pyb3")
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", form(intermediate)))
    with serving(showing(setting.folder, host)) as b3:
        with pytest.raises(httpx.ConnectError, match="unable to get local issuer certificate"):
            setting.plainly(b3.url + PATH)
        assert setting.download(b3) == FILE
        assert b3.requests == [f"GET {PATH}"], "nothing is asked before the certificate is verified"
        setting.download(b3)
    assert setting.issuers.requests == ["GET /i.crt"], "fetched once for a process"
    assert [record.message for record in caplog.records if record.name == "pyb3"] == [
        "localhost leaves out its intermediate certificate; completed the chain with 1 fetched"
    ]


def test_two_intermediates_are_fetched_one_after_the_other(setting: Setting) -> None:
    upper = setting.root.sign("Upper")
    lower = upper.sign("Lower", aia=setting.issuers.put("/upper.crt", upper.der))
    host = lower.for_host(aia=setting.issuers.put("/lower.crt", lower.der))
    with serving(showing(setting.folder, host)) as b3:
        assert setting.download(b3) == FILE
    assert setting.issuers.requests == ["GET /lower.crt", "GET /upper.crt"]


def test_what_is_missing_above_a_certificate_at_hand_is_fetched(setting: Setting) -> None:
    upper = setting.root.sign("Upper")
    lower = upper.sign("Lower", aia=setting.issuers.put("/upper.crt", upper.der))
    setting.trust(setting.root, lower)
    with serving(showing(setting.folder, lower.for_host())) as b3:
        assert setting.download(b3) == FILE
    assert setting.issuers.requests == ["GET /upper.crt"]


def test_a_redirect_to_http_is_followed_to_the_authority(setting: Setting) -> None:
    intermediate = setting.root.sign("Intermediate")
    there = setting.issuers.put("/new.crt", intermediate.der)
    host = intermediate.for_host(aia=setting.issuers.put("/old.crt", status=301, Location=there))
    with serving(showing(setting.folder, host)) as b3:
        assert setting.download(b3) == FILE


def test_roots_in_a_folder_complete_a_chain_too(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = setting.folder / "roots"
    folder.mkdir()
    (folder / f"{name_hash('Test Root')}.0").write_bytes(setting.root.pem)
    (folder / "0badf00d.0").write_bytes(b"no certificate")
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        assert setting.download(b3) == FILE


def test_a_chain_is_completed_through_a_proxy(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host("b3.invalid", aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3, serving(Proxy({"b3.invalid:443": b3.server_port})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://localhost:{proxy.server_port}")
        monkeypatch.setattr(Server, "url", "https://b3.invalid")  # a name that only the proxy knows
        assert setting.download(b3) == FILE
        assert b3.requests == [f"GET {PATH}"]
        assert set(proxy.requests) == {"b3.invalid:443"}
        client._client().http.close()


def test_an_intermediate_below_an_unknown_root_is_refused(setting: Setting) -> None:
    stranger = root("Stranger")
    intermediate = stranger.sign("Intermediate", aia=setting.issuers.put("/root.crt", stranger.der))
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        said = setting.refused(b3)
    assert said == (
        "the certificate of localhost cannot be verified: its root authority 'CN=Stranger' is not one that this "
        f"machine trusts; {OWN_AUTHORITY}"
    )
    assert setting.issuers.requests == ["GET /i.crt", "GET /root.crt"]


def test_an_intermediate_below_a_root_that_is_nowhere_is_refused(setting: Setting) -> None:
    intermediate = root("Stranger").sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        said = setting.refused(b3)
    assert "its authority 'CN=Stranger' is not known here, and the certificate does not say where to find it" in said
    assert OWN_AUTHORITY in said


def test_an_unknown_root_with_the_name_of_a_trusted_one_is_refused(setting: Setting) -> None:
    intermediate = root("Test Root").sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        assert "'CN=Test Root' is not known here" in setting.refused(b3)


def test_a_root_in_the_guise_of_an_intermediate_is_refused(setting: Setting) -> None:
    """OpenSSL compares names without regard to case: to it this one signs itself, and is a root where loaded."""
    disguised = root("Stranger", issuer="STRANGER")
    host = disguised.for_host(aia=setting.issuers.put("/i.crt", disguised.der))
    with serving(showing(setting.folder, host)) as b3:
        credulous = ssl.create_default_context(cadata=disguised.der)
        with httpx.Client(verify=credulous) as plain:
            assert plain.get(b3.url).status_code == 404
        b3.requests.clear()
        assert "'CN=STRANGER' is not known here" in setting.refused(b3)


def test_an_intermediate_is_no_root_even_where_python_would_take_it_for_one(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Python 3.13 does in create_default_context, whatever Python runs this."""
    plain = ssl.create_default_context

    def trusts_parts_of_chains(**options: str | None) -> ssl.SSLContext:
        context = plain(**options)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    monkeypatch.setattr(ssl, "create_default_context", trusts_parts_of_chains)
    intermediate = root("Stranger").sign("Intermediate")
    with serving(showing(setting.folder, intermediate.for_host())) as b3:
        for context, trusting in ((trusts_parts_of_chains(), True), (tls.context(), False)):
            context.load_verify_locations(cadata=intermediate.der)
            with httpx.Client(verify=context) as plain_client:
                if trusting:
                    assert plain_client.get(b3.url).status_code == 404
                else:
                    with pytest.raises(httpx.ConnectError, match="unable to get issuer certificate"):
                        plain_client.get(b3.url)


def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `create_default_context` set what Python 3.13 sets, whatever Python runs this."""
    plain = ssl.create_default_context

    def made(**options: str | None) -> ssl.SSLContext:
        context = plain(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", made)


@pytest.mark.parametrize("by", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize(
    ("authority", "names_key", "words"),
    [
        ({}, False, "Missing Authority Key Identifier"),
        ({"usage": False}, True, "CA cert does not include key usage extension"),
        ({"critical": False}, True, "Basic Constraints of CA cert not marked critical"),
    ],
    ids=["no key of the authority", "no key usage", "no critical constraint"],
)
def test_a_firms_own_authority_may_write_certificates_as_python_3_13_refuses_them(
    setting: Setting,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    authority: dict[str, bool],
    names_key: bool,
    words: str,
) -> None:
    strict(monkeypatch)
    firm = root("Firm", **authority)
    setting.trust(firm)
    with serving(showing(setting.folder, firm.for_host(names_key=names_key))) as b3:
        with pytest.raises(httpx.ConnectError, match=words):
            setting.plainly(b3.url + PATH)
        if by == "SSL_CERT_DIR":
            (setting.folder / f"{name_hash('Firm')}.0").write_bytes(firm.pem)
            monkeypatch.delenv("SSL_CERT_FILE")
            monkeypatch.setenv("SSL_CERT_DIR", str(setting.folder))
        assert setting.download(b3) == FILE


def test_a_firms_own_authority_is_verified_as_any_other(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch)
    firm = root("Firm")
    setting.trust(firm)
    for host, words in (
        (root("Firm").for_host(names_key=False), "unable to get local issuer|certificate signature failure"),
        (firm.for_host("other.example", names_key=False), "Hostname mismatch"),
        (firm.for_host(names_key=False, expired=True), "certificate has expired"),
    ):
        client._client.cache_clear()
        with serving(showing(setting.folder, host)) as b3:
            assert re.search(words, setting.refused(b3))


def test_an_authority_of_the_system_that_writes_such_certificates_is_named_with_the_remedy(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the firm's authority lies among the system's, nobody has named it to PyB3."""
    strict(monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setattr(certifi, "where", lambda: str(setting.folder / "root.pem"))
    with serving(showing(setting.folder, setting.root.for_host(names_key=False))) as b3:
        said = setting.refused(b3)
    assert said == (
        "the certificate of localhost cannot be verified: Missing Authority Key Identifier; Python 3.13 and later "
        "refuse certificates that are written in this way: if your network uses its own authority, set SSL_CERT_FILE "
        "to the file of its certificate, and PyB3 accepts how it writes certificates"
    )


def test_without_named_authorities_python_is_as_strict_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    assert tls.context().verify_flags & ssl.VERIFY_X509_STRICT


def test_a_host_with_an_unknown_root_in_its_chain_is_refused(setting: Setting) -> None:
    stranger = root("Stranger")
    with serving(showing(setting.folder, stranger.for_host(), stranger)) as b3:
        said = setting.refused(b3)
    assert "self-signed certificate in certificate chain" in said
    assert OWN_AUTHORITY in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"body": b"<html>parked</html>"}, "/i.crt: no certificate"),
        ({"body": b""}, "/i.crt: no certificate"),
        ({"body": b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"}, "/i.crt: no certificate"),
        ({"body": b"-----BEGIN PKCS7-----\nAA==\n-----END PKCS7-----"}, "/i.crt: no certificate"),
        ({"status": 404}, "/i.crt: HTTP 404"),
        ({"body": bytes(1 << 20)}, "/i.crt: larger than 64 KiB"),
        ({"status": 302, "Location": "https://localhost:1/i.crt"}, "/i.crt: leads to https:, which is not followed"),
        ({"status": 302, "Location": "file:///etc/hosts"}, "/i.crt: leads to file:, which is not followed"),
        ({"status": 302, "Location": "/i.crt"}, "/i.crt: Exceeded maximum allowed redirects"),
        ({"body": root("Intermediate").der}, "/i.crt answers did not sign it"),
        ({"body": root("Another").der}, "/i.crt answers did not sign it"),
    ],
)
def test_an_authority_that_answers_with_something_else_completes_nothing(
    setting: Setting, answer: dict, said: str
) -> None:
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", **answer))
    with serving(showing(setting.folder, host)) as b3:
        message = setting.refused(b3)
    assert said in message
    assert message.startswith(
        "the certificate of localhost cannot be verified: the host leaves out its authority 'CN=Intermediate', "
        "which is not to be had: "
    )


def test_a_signer_that_is_no_authority_completes_nothing(setting: Setting) -> None:
    """Any firm with a certificate could otherwise sign for B3."""
    firm = setting.root.sign("Some Firm", ca=False)
    host = firm.for_host(aia=setting.issuers.put("/i.crt", firm.der))
    with serving(showing(setting.folder, host)) as b3:
        assert "/i.crt answers did not sign it" in setting.refused(b3)


def test_a_chain_that_openssl_will_not_have_is_completed_once_and_refused(setting: Setting) -> None:
    intermediate = setting.root.sign("Intermediate", key_id=b"another")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        assert "unable to get local issuer certificate" in setting.refused(b3)
    assert setting.issuers.requests == ["GET /i.crt"]


def test_an_authority_that_never_ends_is_given_up(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_SECONDS", 0.3)
    setting.issuers.pause = 0.1
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, host)) as b3:
        assert "not whole after" in setting.refused(b3)


def test_an_authority_that_is_away_is_asked_again(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYB3_RETRIES", "2")
    intermediate = setting.root.sign("Intermediate")
    host = intermediate.for_host(aia="http://localhost:1/i.crt")
    with serving(showing(setting.folder, host)) as b3:
        said = setting.refused(b3)
    assert "http://localhost:1/i.crt: [Errno" in said
    assert "(after 2 tries)" in said


@pytest.mark.parametrize("aia", [None, "ldap://localhost/cn=i", "https://localhost/i.crt", "file:///etc/hosts"])
def test_a_certificate_that_names_no_http_address_is_refused(setting: Setting, aia: str | None) -> None:
    host = setting.root.sign("Intermediate").for_host(aia=aia)
    with serving(showing(setting.folder, host)) as b3:
        assert (
            "'CN=Intermediate' is not known here, and the certificate does not say where to find it"
            in setting.refused(b3)
        )


def test_a_chain_without_end_is_refused(setting: Setting) -> None:
    authorities = [root("Stranger").sign("Authority 0")]
    for number in range(1, 8):
        address = setting.issuers.put(f"/{number - 1}.crt", authorities[-1].der)
        authorities.append(authorities[-1].sign(f"Authority {number}", aia=address))
    host = authorities[-1].for_host(aia=setting.issuers.put("/7.crt", authorities[-1].der))
    with serving(showing(setting.folder, host)) as b3:
        assert "more than 5 authorities stand above it" in setting.refused(b3)
    assert len(setting.issuers.requests) == 5


@pytest.mark.parametrize("whole", [True, False])
def test_another_hosts_certificate_is_refused(setting: Setting, whole: bool) -> None:
    intermediate = setting.root.sign("Intermediate")
    other = intermediate.for_host("other.example", aia=setting.issuers.put("/i.crt", intermediate.der))
    with serving(showing(setting.folder, other, *[intermediate] * whole)) as b3:
        said = setting.refused(b3)
    assert said == (
        "the certificate of localhost cannot be verified: Hostname mismatch, certificate is not valid for 'localhost'"
    )


@pytest.mark.parametrize("whole", [True, False])
def test_an_expired_certificate_is_refused(setting: Setting, whole: bool) -> None:
    intermediate = setting.root.sign("Intermediate")
    expired = intermediate.for_host(aia=setting.issuers.put("/i.crt", intermediate.der), expired=True)
    with serving(showing(setting.folder, expired, *[intermediate] * whole)) as b3:
        said = setting.refused(b3)
    assert said == (
        "the certificate of localhost cannot be verified: certificate has expired; is this machine's clock right?"
    )


def test_the_command_ends_in_exit_code_5_and_one_line(
    setting: Setting, pyb3: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYB3_CACHE_DIR", str(setting.folder / "cache"))
    monkeypatch.setenv("PYB3_HOME", str(setting.folder / "home"))
    with serving(showing(setting.folder, root("Stranger").for_host())) as b3:
        monkeypatch.setenv("PYB3_MIRROR", b3.url)
        answer = pyb3("fetch cotahist --date 2024-01-15 --quiet")
    assert answer.code == 5, answer.err
    assert "the certificate of localhost cannot be verified" in answer.err
    assert OWN_AUTHORITY in answer.err
    assert "Traceback" not in answer.err
    assert b3.requests == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_file_of_roots_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    file = tmp_path / "firm.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE is '.*firm\.pem', which holds no certificates"):
        tls.context()


def test_without_settings_the_machines_roots_and_certifis_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    context = tls.context()
    trusted = set(context.get_ca_certs(binary_form=True))
    assert trusted >= set(ssl.create_default_context(cafile=certifi.where()).get_ca_certs(binary_form=True))
    assert trusted >= set(ssl.create_default_context().get_ca_certs(binary_form=True))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_named_roots_stand_alone(setting: Setting) -> None:
    assert tls.context().get_ca_certs(binary_form=True) == [setting.root.der]


def test_cryptography_is_loaded_only_to_complete_a_chain() -> None:
    line = "import sys, pyb3.fetch.client; pyb3.fetch.client._client(); sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line]).returncode == 0
