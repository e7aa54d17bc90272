"""A file with a secret that other users may read is not used, whichever command it is given to."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from jwcrypto import jwe, jwk
from typer.main import get_command

from fapikit import PrivateKey
from fapikit_cli.failing import WrongUsage
from fapikit_cli.private_files import read_private
from fapikit_cli.typer_app import app

CLIENT = 'issuer = "https://bank.example"\nclient_id = "me"\nkey = "secret"\n'
BANK = "https://bank.example"
COMMANDS = {
    "the key of keys public": ("keys", "public", "secret"),
    "the key of jwt decode": ("jwt", "decode", "sealed.jwt", "--decrypt-with", "secret"),
    "the key of jwt verify": ("jwt", "verify", "sealed.jwt", "--decrypt-with", "secret"),
    "the key of doctor": ("doctor", BANK, "--client-id", "me", "--key", "secret"),
    "the key of a certificate": (
        *("doctor", BANK, "--client-id", "me", "--cert", "fapikit-client.toml"),
        *("--key", "secret"),
    ),
    "the registration token of doctor": (
        *("doctor", BANK, "--registration-uri", f"{BANK}/me"),
        *("--registration-token", "secret"),
    ),
    "the password of attack": ("attack", BANK, "--as", "server", "--allow", "bank.example", "--password", "secret"),
    "the issuer key of attack": ("attack", BANK, "--as", "api", "--allow", "bank.example", "--issuer-key", "secret"),
    "the initial access token of register": ("register", BANK, "--folder", "new", "--initial-access-token", "secret"),
    "the seal of register": ("register", BANK, "--folder", "new", "--seal", "secret"),
    "the token of introspect": ("introspect", "--token", "secret"),
    "the token of token exchange": ("token", "exchange", "--received", "secret"),
    "the user code of ciba": ("ciba", "--hint", "alice", "--user-code", "secret"),
    "the tokens of call": ("call", "https://api.example/", "--tokens", "secret"),
    "the key of the client file": ("token", "client-credentials"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAPIKIT_CLIENT", raising=False)
    (tmp_path / "fapikit-client.toml").write_text(CLIENT)
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(PrivateKey.generate("ES256").to_private_jwk()))
    secret.chmod(0o644)
    own = jwk.JWK.generate(kty="EC", crv="P-256")
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "cty": "JWT"}
    sealed = jwe.JWE("a.b.c", json.dumps(header), recipient=own).serialize(compact=True)
    (tmp_path / "sealed.jwt").write_text(sealed)
    return tmp_path


@pytest.mark.spec("RFC 6749 10.3")
@pytest.mark.parametrize("what", COMMANDS)
def test_it_is_not_used_and_nothing_is_sent(what: str, folder: Path) -> None:
    """Nobody answers at these hosts, so a request would end in another error."""
    with pytest.raises(WrongUsage, match="has the mode 0644") as raised:
        get_command(app)(COMMANDS[what], standalone_mode=False)
    assert raised.value.advice.startswith("chmod 600 ")
    assert raised.value.advice.split()[2].strip(",").endswith("secret")
    assert (folder / "secret").read_text() not in str(raised.value)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601])
def test_any_right_of_others_is_too_much(mode: int, folder: Path) -> None:
    (folder / "secret").chmod(mode)
    with pytest.raises(WrongUsage, match=f"has the mode {mode:04o}"):
        read_private(folder / "secret", "the secret")
    (folder / "secret").chmod(0o600)
    assert read_private(folder / "secret", "the secret", most=3) == b'{"c'


def test_a_pipe_of_the_shell_has_no_other_readers(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe, 0o666)
    pipe.chmod(0o666)
    writer = threading.Thread(target=pipe.write_text, args=("the secret",))
    writer.start()
    assert read_private(pipe, "the secret") == b"the secret"
    writer.join()


def test_a_certificate_with_its_key_in_one_file_is_such_a_file(folder: Path) -> None:
    (folder / "fapikit-client.toml").write_text(f'{CLIENT}auth = "tls_client_auth"\ncertificate = "secret"\n')
    with pytest.raises(WrongUsage, match=r"the key of the certificate is in .* has the mode 0644"):
        get_command(app)(("token", "client-credentials"), standalone_mode=False)


def test_a_jwt_that_is_looked_at_may_be_public(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "status-list.jwt").write_text("eyJhbGciOiJFUzI1NiJ9.e30.c2ln")
    (folder / "status-list.jwt").chmod(0o644)
    get_command(app)(("jwt", "decode", "status-list.jwt"), standalone_mode=False)
    assert "ES256" in capsys.readouterr().out
