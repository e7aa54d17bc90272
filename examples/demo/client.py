"""The fintech as a client of the bank: its authentication, the binding of its tokens, the signed messages."""

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
from fapikit.client_authentication import ClientAuthentication, Credentials
from fapikit.clock import system_clock, system_random
from fapikit.flow import run_pure
from fapikit.profiles import SenderConstraint
from rpkit import ClientKeys
from rpkit.settings import HYBRID, ClientOptions

_CONSTRAINTS: Final[Mapping[str, SenderConstraint | None]] = {"dpop": "dpop", "mtls": "mtls", BEARER: None}


def authentication(world: World, keys: ClientKeys) -> ClientAuthentication:
    """The fintech's client authentication at the bank."""
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


def credentials_of(world: World) -> Credentials:
    """What the fintech sends with one request, so that the bank knows it."""
    return run_pure(
        authentication(world, keys_of(world)).credentials(
            client_id=CLIENT_ID, audience=world.bank, clock=system_clock, random_bytes=system_random
        )
    )


def certificate_of(world: World) -> TlsClientCertificate | None:
    """The fintech's client certificate, for servers that request one."""
    if not world.choices.certificate:
        return None
    return TlsClientCertificate.from_pem(world.path("fintech.pem"), world.path("fintech.key"))


def attackers_certificate(world: World) -> TlsClientCertificate | None:
    """The certificate of an attacker who is a client too, by the same authority."""
    if not world.choices.certificate:
        return None
    return TlsClientCertificate.from_pem(world.path("attacker.pem"), world.path("attacker.key"))


def keys_of(world: World) -> ClientKeys:
    """What the fintech publishes: its signing key, and a certificate that it signed itself."""
    certificate = certificate_of(world) if world.choices.self_signed else None
    return ClientKeys(KeyRing(world.key_of(CLIENT_ID)), certificates=[certificate] if certificate else [])


def options(world: World, keys: ClientKeys) -> ClientOptions:
    """The keyword arguments of `discover` that depend on the choices."""
    profile = world.profile
    chosen = ClientOptions(
        sender_constraint=_CONSTRAINTS[world.binding],
        # As most banks under FAPI 1 do it: the request goes through the browser.
        pushed_requests=profile.par_required,
    )
    if profile.request_object_required:
        chosen["request_signer"] = keys
    if world.hybrid:
        chosen["response_type"] = HYBRID
    return chosen
