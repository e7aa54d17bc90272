"""`fapikit keys`: what it writes can be used, is readable by nobody else, and is never written over something."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from jwcrypto import jwk

from fapikit import PrivateKey, TlsClientCertificate
from fapikit.jose.x5c import read_certificate
from tests.fapikit_cli.running import run, run_on_a_terminal


@pytest.mark.spec("FAPI2-SP 5.4.1-1.3")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_makes_a_key_with_its_certificate(alg: str, tmp_path: Path) -> None:
    told = run("keys", "new", "client", "--alg", alg, "--certificate", "fintech", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {
        "client.private.json": 0o600,
        "client.key.pem": 0o600,
        "client.cert.pem": 0o644,
        "client.public.json": 0o644,
        "client.jwks.json": 0o644,
    }
    assert all(name in told.stdout for name in modes)
    private = jwk.JWK.from_json((tmp_path / "client.private.json").read_text())
    public = json.loads((tmp_path / "client.public.json").read_text())
    assert private.has_private
    assert not jwk.JWK(**public).has_private
    assert private.thumbprint() == jwk.JWK(**public).thumbprint() == public["kid"]
    assert json.loads((tmp_path / "client.jwks.json").read_text()) == {"keys": [public]}
    certificate = x509.load_pem_x509_certificate((tmp_path / "client.cert.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=fintech"
    assert read_certificate(public) == ssl.PEM_cert_to_DER_cert((tmp_path / "client.cert.pem").read_text())
    TlsClientCertificate.from_pem(tmp_path / "client.cert.pem", tmp_path / "client.key.pem")


def test_prints_no_private_key(tmp_path: Path) -> None:
    told = run("keys", "new", tmp_path / "client", "--pem")
    members = json.loads((tmp_path / "client.private.json").read_text())
    assert members["d"] not in told.stdout + told.stderr
    assert not (tmp_path / "client.cert.pem").exists()
    assert PrivateKey.from_pem((tmp_path / "client.key.pem").read_bytes()).thumbprint == members["kid"]


def test_overwrites_nothing_and_then_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "client.jwks.json").write_text("kept")
    told = run("keys", "new", tmp_path / "client")
    assert told.returncode == 2
    assert "client.jwks.json" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["client.jwks.json"]
    assert (tmp_path / "client.jwks.json").read_text() == "kept"


def test_a_private_key_goes_into_a_pipe_but_not_to_a_terminal() -> None:
    assert "d" in json.loads(run("keys", "new", "-").stdout)
    status, seen = run_on_a_terminal("keys", "new", "-")
    assert status == 2
    assert '"d"' not in seen
    status, seen = run_on_a_terminal("keys", "new", "-", "--show-private")
    assert status == 0
    assert '"d"' in seen


@pytest.mark.parametrize("way", ["file", "stdin", "env"])
def test_prints_the_public_half_of_a_key(way: str, tmp_path: Path) -> None:
    key = PrivateKey.generate("ES256", kid="mine")
    text = json.dumps(key.to_private_jwk())
    (tmp_path / "key.json").write_text(text)
    (tmp_path / "key.json").chmod(0o600)
    source = {"file": str(tmp_path / "key.json"), "stdin": "-", "env": "env:THE_KEY"}[way]
    told = run("keys", "public", source, "--jwks", stdin=text, env={"THE_KEY": text})
    assert json.loads(told.stdout) == {"keys": [dict(key.public_jwk)]}


def test_a_key_is_typed_without_echo() -> None:
    key = PrivateKey.generate("ES256")
    text = json.dumps(key.to_private_jwk())
    status, seen = run_on_a_terminal("keys", "public", "ask", typed=text + "\n")
    assert status == 0, seen
    assert key.to_private_jwk()["d"] not in seen


@pytest.mark.parametrize(
    "source, told",
    [
        ("no-such-file", "there is no file"),
        ("env:NO_SUCH_NAME", "is not set"),
        ("ask", "no terminal"),
        ("-", "empty"),
    ],
)
def test_says_what_is_wrong_with_a_source(source: str, told: str) -> None:
    result = run("keys", "public", source)
    assert result.returncode == 2
    assert told in result.stderr
    assert "what to do" in result.stderr


@pytest.mark.parametrize("typed, shown", [("hunter2", False), ("keys/hunter2", True), ("hunter2.json", True)])
def test_what_may_be_the_secret_itself_is_not_repeated(typed: str, shown: bool) -> None:
    told = run("keys", "public", typed)
    assert told.returncode == 2
    assert (typed in told.stderr) is shown


def test_an_unusable_key_is_told_with_its_clause(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"kty": "oct", "k": "AA"}')
    (tmp_path / "key.json").chmod(0o600)
    told = run("keys", "public", tmp_path / "key.json")
    assert told.returncode == 2
    assert "RFC 7517 4.1" in told.stderr
    assert "fix your configuration" in told.stderr
