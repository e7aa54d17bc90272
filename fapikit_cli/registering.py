"""A registration as a command line needs it: nothing is lost, whatever the server answers.

Spec: RFC 7591 2, 3.2.1; RFC 7592 3
Role: RP
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fapikit import HttpSettings, PrivateKey, Seal, Secret, strict_json
from fapikit.errors import FapiError
from fapikit.io import SyncDriver
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import Profile, profile_of
from fapikit.urns import DEVICE_CODE
from fapikit_cli.client_file import CLIENT_FILE, REGISTRATION_FILE, ClientFile
from fapikit_cli.connecting import read_key
from fapikit_cli.failing import WrongUsage
from fapikit_cli.printing import tell
from fapikit_cli.private_files import read_private, write_private
from fapikit_cli.registration_file import RegistrationFile
from fapikit_cli.secret_input import read_token
from rpkit import Client, Registration

_LOOPBACK: Final = ("http://127.0.0.1/callback", "http://[::1]/callback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed."""

    issuer: str
    profile: str
    folder: Path
    name: str
    scope: str | None
    api: str | None
    redirect_uris: tuple[str, ...]
    metadata: Path | None
    initial_access_token: str | None
    key: Path | None
    seal: Path | None
    ca: Path | None


def register_client(wanted: Wanted) -> tuple[Path, Registration]:
    """Register, and write the files. Returns the client file. Raises WrongUsage, FapiError, OSError.

    If the answer is refused, the registration that the server has made is on the disk nevertheless.
    """
    folder, profile = wanted.folder.absolute(), profile_of(wanted.profile)
    kept = folder / REGISTRATION_FILE
    for path in (folder / CLIENT_FILE, kept):
        if os.path.lexists(path):  # a link to nothing too: the file would be made where it leads
            raise WrongUsage(f"{path} exists", "choose another --folder; nothing was registered")
    token = None
    if wanted.initial_access_token is not None:
        token = Secret(read_token(wanted.initial_access_token, "the initial access token").reveal())
    seal = None if wanted.seal is None else Seal([read_private(wanted.seal, "the seal")])
    http = HttpSettings(ca=wanted.ca)
    with_driver = SyncDriver(http, profile=profile)
    try:
        server = with_driver.run(discover(wanted.issuer))
    finally:
        with_driver.close()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, key_file = _key(wanted, folder)
    asked = _metadata(wanted, server, profile, key)
    try:
        registration = Client.register(server, asked, profile=profile, initial_access_token=token, http=http)
    except FapiError as error:
        made = Registration.kept_in(error)
        if made is not None:
            RegistrationFile(kept, seal).write(made)
            tell(
                f"The server has registered {made.client_id} nevertheless. It is kept in {kept}.",
                style="doubt",
            )
        raise
    RegistrationFile(kept, seal).write(registration)
    ClientFile(
        path=folder / CLIENT_FILE,
        issuer=wanted.issuer,
        client_id=registration.client_id,
        profile=wanted.profile,
        key=key_file,
        ca=None if wanted.ca is None else wanted.ca.absolute(),
        scope=str(registration.metadata.get("scope") or wanted.scope or "openid"),
        api=wanted.api,
        redirect_uri=next((uri for uri in wanted.redirect_uris if uri.startswith("https:")), None),
        seal=None if wanted.seal is None else wanted.seal.absolute(),
    ).write()
    return folder / CLIENT_FILE, registration


def _metadata(wanted: Wanted, server: ServerMetadata, profile: Profile, key: PrivateKey) -> dict[str, Any]:
    grants = ["authorization_code", "refresh_token"]
    if profile.device_grant and server.has("device_authorization_endpoint"):
        grants.append(DEVICE_CODE)
    asked: dict[str, Any] = {
        "client_name": wanted.name,
        "redirect_uris": list(wanted.redirect_uris or _LOOPBACK),
        "grant_types": grants,
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": key.alg,
        "jwks": {"keys": [dict(key.public_jwk)]},
    }
    if profile.jarm_required:
        asked["authorization_signed_response_alg"] = key.alg
    if wanted.scope is not None:
        asked["scope"] = wanted.scope
    if wanted.metadata is not None:
        try:
            asked.update(strict_json.parse_object(wanted.metadata.read_bytes()))
        except ValueError as error:
            raise WrongUsage(f"{wanted.metadata} is no JSON object: {error}", "correct the file") from error
    return asked


def _key(wanted: Wanted, folder: Path) -> tuple[PrivateKey, Path]:
    if wanted.key is not None:
        return read_key(wanted.key), wanted.key.absolute()
    path = folder / "client.key"
    if path.exists():
        return read_key(path), path
    made = PrivateKey.generate("ES256")
    write_private(path, made.to_pem())
    return made, path
