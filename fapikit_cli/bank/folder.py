"""The folder of a bank that needs no configuration: it is made once, and started again as often as you like.

Everything in it is a throw-away. Its folder is readable by its owner alone, and so is each file with a secret.

Role: AS
"""

from __future__ import annotations

import json
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from askit.throwaway_tls import make_tls_files, self_signed
from fapikit import PrivateKey
from fapikit.profiles import profile_of
from fapikit.urns import CIBA, DEVICE_CODE, TOKEN_EXCHANGE
from fapikit_cli.client_file import CLIENT_FILE, ClientFile
from fapikit_cli.failing import WrongUsage
from fapikit_cli.private_files import write_private
from fapikit_cli.toml_text import toml_text

CLIENT_ID: Final = "my-app"
USER: Final = "alice"
PASSWORD: Final = "wonderland"
PIN: Final = "1865"
PIN_LEVEL: Final = "urn:fapikit:acr:pin"
SCOPE: Final = "openid accounts"
REDIRECT_URIS: Final = (
    "http://127.0.0.1/callback",
    "http://[::1]/callback",
    "https://client.example.test/callback",
)
PROFILES: Final = ("fapi2-security", "fapi2-message-signing", "oauth-2.1")
"""Those with which a program signs its user in by a browser on loopback."""
_GRANTS: Final = (
    "authorization_code",
    "refresh_token",
    "client_credentials",
    DEVICE_CODE,
    CIBA,
    TOKEN_EXCHANGE,
)


@dataclass(frozen=True, slots=True)
class BankFolder:
    """The files of one bank. `issuer` and `api` are on loopback."""

    path: Path
    issuer: str
    api: str
    profile: str

    @property
    def settings(self) -> Path:
        return self.path / "bank.toml"

    @property
    def ca(self) -> Path:
        return self.path / "ca.pem"

    @property
    def client_file(self) -> Path:
        return self.path / CLIENT_FILE

    @property
    def issuer_keys(self) -> Path:
        return self.path / "issuer-keys.json"

    @property
    def initial_access_token(self) -> Path:
        return self.path / "initial-access-token.txt"

    def renew_server_certificate(self) -> None:
        """It lives for a day, and so does the authority that clients trust with `ca`."""
        make_tls_files(self.path)


def make_bank(path: Path, *, port: int, api_port: int, profile: str, mtls: bool) -> BankFolder:
    """Make the folder and its files. Raises WrongUsage for another profile; FileExistsError, OSError."""
    if profile not in PROFILES:
        raise WrongUsage(f"there is no such bank for {profile}", f"choose one of {', '.join(PROFILES)}")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    bank = BankFolder(path, f"https://localhost:{port}", f"https://localhost:{api_port}/", profile)
    key = PrivateKey.generate("ES256")
    write_private(path / "client.key", key.to_pem())
    certificate = self_signed(path, CLIENT_ID, key.to_pem())
    certificate.certificate.rename(path / "client.pem")
    certificate.key.unlink()  # it is that of client.key
    public = {**key.public_jwk, "x5c": certificate._replace(certificate=path / "client.pem").jwk_x5c}
    (path / "clients.json").write_text(json.dumps([_client(public, profile, mtls=mtls)], indent=1) + "\n")
    issuer_key = PrivateKey.generate("ES256")
    write_private(bank.issuer_keys, json.dumps({"keys": [issuer_key.to_private_jwk()]}).encode())
    token = secrets.token_urlsafe(32)
    write_private(bank.initial_access_token, f"{token}\n".encode())
    text = toml_text(
        _settings(bank, port, token), comment="Made by `fapikit askit`. All of it is throw-away."
    )
    write_private(bank.settings, text.encode())
    ClientFile(
        path=bank.client_file,
        issuer=bank.issuer,
        client_id=CLIENT_ID,
        profile=profile,
        auth="private_key_jwt",
        key=path / "client.key",
        certificate=path / "client.pem" if mtls else None,
        certificate_key=path / "client.key" if mtls else None,
        sender_constraint="mtls" if mtls else "dpop",
        ca=bank.ca,
        scope=SCOPE,
        api=bank.api,
        redirect_uri=REDIRECT_URIS[-1],
        options={"response_mode": "jwt"} if profile == "fapi2-message-signing" else {},
    ).write()
    return bank


def open_bank(path: Path) -> BankFolder | None:
    """The bank that was made in this folder earlier, or None. Raises WrongUsage for a folder of something else."""
    if not path.exists() or not any(path.iterdir()):
        return None
    try:
        settings = tomllib.loads((path / "bank.toml").read_text())
        return BankFolder(path, settings["issuer"], settings["resources"][0]["uri"], settings["profile"])
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise WrongUsage(
            f"{path} is not empty, and it is no folder of this command",
            "name a new folder, or one that it made",
        ) from error


def _client(public: dict[str, Any], profile: str, *, mtls: bool) -> dict[str, Any]:
    signed = profile_of(profile).request_object_required
    return {
        **({"backchannel_authentication_request_signing_alg": "ES256"} if signed else {}),
        "client_id": CLIENT_ID,
        "client_name": "My App",
        "redirect_uris": list(REDIRECT_URIS),
        "grant_types": list(_GRANTS),
        "backchannel_token_delivery_mode": "poll",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": "openid profile email accounts payments",
        "tls_client_certificate_bound_access_tokens": mtls,
        "jwks": {"keys": [public]},
    }


def _settings(bank: BankFolder, port: int, initial_access_token: str) -> dict[str, Any]:
    return {
        "issuer": bank.issuer,
        "listen": f"127.0.0.1:{port}",
        "name": "Throw-away Bank",
        "profile": bank.profile,
        "store": "sqlite:///bank.db",
        "clients_file": "clients.json",
        "initial_access_token": initial_access_token,
        "acr": ["urn:fapikit:acr:password", PIN_LEVEL],
        "polling_interval": 1,
        "status_list_ttl": 2,
        "tls": {"certificate": "server.pem", "key": "server.key"},
        "signing": {"jwks_file": "issuer-keys.json"},
        "scopes": {"accounts": "See your accounts", "payments": "Make payments"},
        "registration": {
            "scopes": ["openid", "profile", "email", "accounts", "payments"],
            "grant_types": ["authorization_code", "refresh_token", "client_credentials", DEVICE_CODE],
        },
        "users": [
            {
                "username": USER,
                "password": PASSWORD,
                "pin": PIN,
                "claims": {"name": "Alice Liddell", "email": "alice@example.test"},
            }
        ],
        "resources": [
            {
                "uri": bank.api,
                "name": "Accounts and payments",
                "scopes": ["accounts", "payments"],
                "introspection_clients": [CLIENT_ID],
            }
        ],
        "authorization_details_types": [{"type": "payment_initiation", "resource": bank.api}],
    }
