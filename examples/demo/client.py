"""The fintech as the bank knows it: how it signs in, what its tokens are bound to, what it asks to be signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from examples.demo.choices import BEARER
from examples.demo.world import CLIENT_ID, World
from fapikit import (
    ClientSecretJWT,
    KeyRing,
    PublicClient,
    Secret,
    SelfSignedTlsClientAuth,
    TlsClientAuth,
    TlsClientCertificate,
)
from fapikit.client_authentication import ClientAuthentication
from fapikit.profiles import SenderConstraint
from rpkit import ClientKeys
from rpkit.settings import HYBRID, ClientOptions

_CONSTRAINTS: Final[Mapping[str, SenderConstraint | None]] = {"dpop": "dpop", "mtls": "mtls", BEARER: None}


def authentication(world: World, keys: ClientKeys) -> ClientAuthentication:
    """What proves to the bank that this is the fintech."""
    match world.method:
        case "private_key_jwt":
            return keys.auth
        case "client_secret_jwt":
            return ClientSecretJWT(Secret(world.path("client.secret").read_text()))
        case "tls_client_auth":
            return TlsClientAuth()
        case "self_signed_tls_client_auth":
            return SelfSignedTlsClientAuth()
        case "none":
            return PublicClient()
    raise ValueError(world.method)


def certificate_of(world: World) -> TlsClientCertificate | None:
    """What the fintech shows to servers that ask for it."""
    if not world.choices.certificate:
        return None
    return TlsClientCertificate.from_pem(world.path("fintech.pem"), world.path("fintech.key"))


def keys_of(world: World) -> ClientKeys:
    """What the fintech publishes: its signing key, and a certificate that it signed itself."""
    certificate = certificate_of(world) if world.method == "self_signed_tls_client_auth" else None
    return ClientKeys(KeyRing(world.key_of(CLIENT_ID)), certificates=[certificate] if certificate else [])


def options(world: World, keys: ClientKeys) -> ClientOptions:
    """The keyword arguments of `discover` that depend on what was chosen."""
    profile = world.profile
    chosen = ClientOptions(
        sender_constraint=_CONSTRAINTS[world.binding],
        # As banks under FAPI 1 mostly have it: the request travels through the browser.
        pushed_requests=profile.par_required,
    )
    if profile.request_object_required:
        chosen["request_signer"] = keys
    if world.hybrid:
        chosen["response_type"] = HYBRID
    return chosen
