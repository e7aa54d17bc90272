"""The client of the library that a client file describes.

Spec: FAPI2-SP 5.3.3.1-1, -2
Role: RP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from fapikit import (
    ClientSecretBasic,
    ClientSecretJWT,
    ClientSecretPost,
    HttpSettings,
    PrivateKey,
    PrivateKeyJWT,
    PublicClient,
    Seal,
    Secret,
    SelfSignedTlsClientAuth,
    TlsClientAuth,
    TlsClientCertificate,
)
from fapikit.client_authentication import ClientAuthentication
from fapikit.urls import origin_of
from fapikit_cli.client_file import ClientFile
from fapikit_cli.failing import WrongUsage
from fapikit_cli.key_files import read_private_key
from fapikit_cli.private_files import read_private
from fapikit_cli.recordings import require_recording
from fapikit_cli.token_file import TokenFile
from fapikit_viewer import Party, Recorder, Recording
from rpkit import Client
from rpkit.settings import ClientOptions

_SECRETS: Final[Mapping[str, Callable[[Secret], ClientAuthentication]]] = {
    "client_secret_basic": ClientSecretBasic,
    "client_secret_post": ClientSecretPost,
    "client_secret_jwt": ClientSecretJWT,
}
_PLAIN: Final[Mapping[str, Callable[[], ClientAuthentication]]] = {
    "none": PublicClient,
    "tls_client_auth": TlsClientAuth,
    "self_signed_tls_client_auth": SelfSignedTlsClientAuth,
}


_OBJECTS: Final = frozenset(
    {"store", "token_store", "dpop_signer", "request_signer", "hosted_requests", "decryption_keys"}
    | {"key_limits", "claims_providers", "clock", "random_bytes"}
)
OPTIONS: Final = (
    frozenset({"metadata_url", *ClientOptions.__annotations__}) - _OBJECTS - {"sender_constraint"}
)
"""Arguments of `rpkit.Client.discover` that a file can give. A sender constraint is a setting of its own."""


@contextmanager
def connected(file: ClientFile, tokens: TokenFile, record: Path | None = None) -> Iterator[Client]:
    """The client, whose metadata are fetched now. `record`: where its messages are recorded.

    Raises WrongUsage, FapiError.
    """
    options = _options_of(file)
    if file.sender_constraint is not None:
        options["sender_constraint"] = file.sender_constraint
    http = http_of(file)
    options["http"] = http if record is None else recorder_of(file, record).http(http)
    client = Client.discover(
        file.issuer,
        client_id=file.client_id,
        auth=authentication_of(file),
        profile=file.profile,
        token_store=tokens,
        **options,
    )
    with client:
        yield client


def _options_of(file: ClientFile) -> dict[str, Any]:
    """The further arguments that the client file names. Raises WrongUsage for another name."""
    for name in file.options:
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, 1)
            raise WrongUsage(
                f"{file.path}: options has {name}, which is no option of a client file",
                f"write {near[0]}" if near else f"the options are {', '.join(sorted(OPTIONS))}",
            )
    return dict(file.options)


def recorder_of(file: ClientFile, record: Path) -> Recorder:
    """Who writes down what this client sends. Its secrets are masked. Raises WrongUsage."""
    require_recording(record)
    recording = Recording(record)
    recording.add_party(Party("bank", "as", file.issuer, origins=(origin_of(file.issuer),)))
    if file.api is not None and origin_of(file.api) != origin_of(file.issuer):
        recording.add_party(Party("api", "rs", file.api, origins=(origin_of(file.api),)))
    return Recorder(recording, Party("client", "client", file.client_id))


def seal_of(file: ClientFile) -> Seal | None:
    """What seals tokens and registrations, if the client file names a key for it."""
    return None if file.seal is None else Seal([read_private(file.seal, "the seal")])


def http_of(file: ClientFile) -> HttpSettings:
    """Whom the client trusts, and the certificate that it shows."""
    certificate = None
    if file.certificate is not None:
        key = read_private(file.certificate_key or file.certificate, "the key of the certificate")
        certificate = TlsClientCertificate.from_pem(file.certificate, key)
    return HttpSettings(ca=file.ca, client_certificate=certificate)


def authentication_of(file: ClientFile) -> ClientAuthentication:
    """How the client proves who it is. Raises WrongUsage for an unknown method, or without its file."""
    if file.auth == "private_key_jwt":
        return PrivateKeyJWT(key_of(file))
    if (with_secret := _SECRETS.get(file.auth)) is not None:
        path = _named(file, "client_secret", file.client_secret)
        return with_secret(Secret(read_private(path, "the client secret").decode().strip()))
    if (plain := _PLAIN.get(file.auth)) is not None:
        return plain()
    methods = ", ".join(["private_key_jwt", *_SECRETS, *_PLAIN])
    raise WrongUsage(f"{file.path}: auth is {file.auth}, which is no method", f"write one of {methods}")


def key_of(file: ClientFile) -> PrivateKey:
    """The private key of the client. Raises WrongUsage, UnusablePrivateKey, OSError."""
    return read_key(_named(file, "key", file.key))


def read_key(path: Path) -> PrivateKey:
    """A key from a file: PEM, a JWK, or a JWK Set with one key. Raises WrongUsage, UnusablePrivateKey, OSError."""
    return read_private_key(str(path.absolute()))


def _named(file: ClientFile, setting: str, path: Path | None) -> Path:
    if path is None:
        raise WrongUsage(
            f"{file.path}: auth is {file.auth}, and there is no {setting}",
            f'add a line  {setting} = "FILE"  with the file of the {setting.replace("_", " ")}',
        )
    return path
