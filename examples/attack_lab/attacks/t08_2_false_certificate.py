"""Mallory signs in at the bank as the fintech, with a certificate that is not the fintech's.

The bank authenticates clients by their certificates. Mallory Ltd is a registered client too, so TLS accepts what it
shows: a certificate of the authority that issues all of them, or one that it has signed itself and registered, or one
that it has issued with the key of the registered one, in the fintech's name. Mallory's app opens the bank in the name
of the fintech, and Alice approves. A naive bank asks for a certificate that TLS accepts, and believes the `client_id`
that stands beside it. So the tokens are Mallory's.

The bank stops these. TLS says that a certificate is good, and only the registration says whose it is. One from an
authority must have the subject that the client has registered, and its chain must lead to an authority of the bank's,
not to what another client has registered. A self-signed one must be the very one that this client has registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import trustme
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from askit.throwaway_tls import ClientCertificateFiles, self_signed
from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack, Play
from examples.attack_lab.attacks.t08_false_client import CHALLENGE, LOOT, VERIFIER
from examples.attack_lab.ecosystem import FINTECH, MALLORY_LTD, Ecosystem
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey, read_certificates
from fapikit.io.asgi_tls import shown_certificate

ALICE, BANK, MALLORY, ACCOUNTS = Party.ALICE, Party.BANK, Party.MALLORY, Party.ACCOUNTS
NAME = "fintech.example"
BY_AUTHORITY = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": NAME}
SELF_SIGNED = "self_signed_tls_client_auth"


class Registered(NamedTuple):
    """What both clients have registered, and what Mallory shows. `accepted`, DER: what TLS accepts for that."""

    fintech: Mapping[str, Any]
    mallory: Mapping[str, Any]
    shown: ClientCertificateFiles
    accepted: tuple[bytes, ...] = ()


def of_the_authority(lab: Lab, _folder: Path) -> Registered:
    shown = lab.under("oauth-2.1").bank.client_certificate(MALLORY_LTD)
    mallory = {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": "CN=mallory-ltd",
    }
    return Registered(BY_AUTHORITY, mallory, shown)


def registered_by_mallory(_lab: Lab, folder: Path) -> Registered:
    key, fintechs = PrivateKey.generate("ES256"), PrivateKey.generate("ES256")
    shown = self_signed(folder, NAME, key.to_pem())
    honest = self_signed(folder, NAME, fintechs.to_pem())
    fintech, mallory = (_self_signed(k, files.jwk_x5c) for k, files in ((fintechs, honest), (key, shown)))
    return Registered(fintech, mallory, shown, tuple(read_certificates(shown.certificate)))


def issued_by_mallory(_lab: Lab, folder: Path) -> Registered:
    """The certificate that Mallory Ltd has registered is one of an authority."""
    own = trustme.CA(key_type=trustme.KeyType.ECDSA)
    leaf = own.issue_cert(NAME, key_type=trustme.KeyType.ECDSA)
    root = ClientCertificateFiles(folder / "mallorys-root.pem", folder / "mallorys-root.key")
    own.cert_pem.write_to_path(str(root.certificate))
    shown = ClientCertificateFiles(folder / "false.pem", folder / "false.key")
    shown.certificate.write_bytes(leaf.cert_chain_pems[0].bytes() + own.cert_pem.bytes())
    leaf.private_key_pem.write_to_path(str(shown.key))
    key = PrivateKey.from_pem(own.private_key_pem.bytes(), alg="ES256")
    accepted_too = tuple(read_certificates(root.certificate))
    return Registered(BY_AUTHORITY, _self_signed(key, root.jwk_x5c), shown, accepted_too)


def _self_signed(key: PrivateKey, x5c: list[str]) -> Mapping[str, Any]:
    return {
        "token_endpoint_auth_method": SELF_SIGNED,
        "jwks": {"keys": [{**key.public_jwk, "x5c": x5c}]},
    }


class CertificateBank(NaiveBank):
    """It asks for a certificate that TLS accepts, and believes the `client_id` beside it."""

    async def token(self, request: Request) -> Response:
        if shown_certificate(request.scope) is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        return await super().token(request)


Register = Callable[[Lab, Path], Registered]


def _undefended(register: Register, what: str) -> Play:
    def play(lab: Lab, story: Story) -> str:
        registered = register(lab, _folder(lab))
        bank = lab.naive_bank(CertificateBank, tls=lab.tls_asking_for_certificates(*registered.accepted))
        redirect_uri = bank.redirect_uris[0]
        request = {"client_id": FINTECH, "redirect_uri": redirect_uri, "scope": "accounts"}
        return _sign_in(
            lab,
            story,
            registered,
            what,
            request=request,
            metadata=bank.metadata,
            accounts=f"{bank.issuer}/accounts",
        )

    return play


def _defended(register: Register, what: str) -> Play:
    """The request goes through the browser, and the tokens are bearer tokens: nothing but the certificate defends."""

    def play(lab: Lab, story: Story) -> str:
        registered = register(lab, _folder(lab))
        redirect_uris = {
            FINTECH: f"{lab.fintech_site}/callback",
            MALLORY_LTD: f"{lab.mallory_ltd_site}/callback",
        }
        clients = [
            {"client_id": name, "redirect_uris": [redirect_uris[name]], **members}
            for name, members in ((FINTECH, registered.fintech), (MALLORY_LTD, registered.mallory))
        ]
        with lab.fresh("oauth-2.1", clients=clients) as world:
            request = {
                "client_id": FINTECH,
                "response_type": "code",
                "redirect_uri": redirect_uris[FINTECH],
                "scope": "accounts",
                "resource": world.accounts,
                "code_challenge": CHALLENGE,
                "code_challenge_method": "S256",
            }
            return _sign_in(
                lab,
                story,
                registered,
                what,
                request=request,
                metadata=world.metadata,
                accounts=world.accounts,
                at=world,
            )

    return play


def _folder(lab: Lab) -> Path:
    return lab.under("oauth-2.1").bank.client_ca.parent


def _sign_in(
    lab: Lab,
    story: Story,
    registered: Registered,
    what: str,
    *,
    request: Mapping[str, str],
    metadata: Mapping[str, Any],
    accounts: str,
    at: Ecosystem | None = None,
) -> str:
    story.step(ALICE, MALLORY, "start the app", "It has the name and the pictures of the fintech.")
    story.step(ALICE, BANK, "GET /authorize, sign in, approve", "The page shows the name of the fintech.")
    callback = lab.alice_opens(f"{metadata['authorization_endpoint']}?{urlencode(request)}", at)
    story.step(ALICE, MALLORY, "the code", "On a phone an app may claim the redirect URI of another.")
    story.step(MALLORY, BANK, f"POST /token as the fintech, with {what}", "TLS has nothing against it.")
    form = {
        "grant_type": "authorization_code",
        "client_id": FINTECH,
        "redirect_uri": request["redirect_uri"],
        "code": parse_qs(urlsplit(callback).query)["code"][0],
        "code_verifier": VERIFIER,
    }
    with httpx.Client(verify=lab.tls_with(registered.shown), trust_env=False) as http:
        token = accepted(http.post(metadata["token_endpoint"], data=form)).json()["access_token"]
    story.step(MALLORY, ACCOUNTS, "GET /accounts", "The tokens are Mallory's.")
    answer = accepted(lab.http.get(accounts, headers={"authorization": f"Bearer {token}"}))
    assert answer.json()["balance"] == "18000.00"
    return LOOT


def _attack(register: Register, what: str, **data: Any) -> Attack:
    return Attack(
        loot=LOOT,
        countermeasures=("C14",),
        undefended=_undefended(register, what),
        defended=_defended(register, what),
        **data,
    )


OTHER_SUBJECT = _attack(
    of_the_authority,
    "his own certificate",
    id="T8.2",
    title="another certificate of the same authority",
    rule="WrongCertificateSubject",
    clause="RFC 8705 2.1.2",
    defence="fapikit.certificates.subject.require_subject",
)
NOT_REGISTERED = _attack(
    registered_by_mallory,
    "a certificate that Mallory Ltd has registered",
    id="T8.3",
    title="a self-signed certificate of another client",
    rule="UntrustedCertificate",
    clause="RFC 8705 2.2",
    defence="fapikit.jose.key_set.KeySet.has_certificate",
    without=lambda *_: True,
)
OTHER_AUTHORITY = _attack(
    issued_by_mallory,
    "a certificate that Mallory Ltd has issued",
    id="T8.4",
    title="a certificate issued by another client",
    rule="UntrustedCertificate",
    clause="RFC 8705 2.1",
    defence="askit.clients.client_ca.ClientCa.verify",
)
