"""Mallory sends the certificate of the fintech in a header, as the proxy in front of the API would.

A token may be bound to the client's certificate. TLS ends at a proxy, and the proxy hands the certificate on in a
header. A certificate is no secret: Mallory has seen it on the wire. He reaches the API without the proxy, from inside
the data centre, and writes the header himself.

The API stops this. It believes the header only if it comes from the proxy, by its address. From anybody else the
header counts as not sent, so the token comes without its certificate.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import claims_of
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit import base64url
from fapikit.certificates import CertificateHeader, ProxyTrust

LOOT = "the answer of an API to a token that is bound to the fintech's certificate"
HEADER = "x-ssl-client-cert"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS


async def trusting(scope: Scope, receive: Receive, send: Send) -> None:
    """The naive API: it believes the header, whoever sent it."""
    if scope["type"] == "http":
        request = Request(scope)
        token = request.headers["authorization"].split()[1]
        shown = _thumbprint(unquote(request.headers[HEADER]).encode())
        good = claims_of(token)["cnf"]["x5t#S256"] == shown
        await PlainTextResponse("welcome" if good else "no", 200 if good else 401)(scope, receive, send)


def undefended(lab: Lab, story: Story) -> str:
    return _send(lab, story, lab.serve(trusting))


def defended(lab: Lab, story: Story) -> str:
    bank = lab.under("oauth-2.1").bank
    proxy = CertificateHeader("nginx", trust=ProxyTrust.of(["10.0.3.0/24"]))
    api = lab.protect(PlainTextResponse("welcome"), bank.issuer, client_certificates=proxy)
    return _send(lab, story, api)


def _send(lab: Lab, story: Story, api: str) -> str:
    token, certificate = stolen(lab, api)
    story.step(FINTECH, API, "a call over TLS with its certificate", "Mallory sees token and certificate.")
    story.step(
        MALLORY, API, f"{HEADER}: the certificate of the fintech", "He has no key for it, and needs none."
    )
    headers = {"authorization": f"Bearer {token}", HEADER: certificate}
    answer: httpx.Response = accepted(lab.http.get(f"{api}/", headers=headers))
    story.step(API, MALLORY, "200", "The API takes the header for the word of its proxy.")
    assert answer.text == "welcome"
    return LOOT


def stolen(lab: Lab, api: str) -> tuple[str, str]:
    """A token for this API that is bound to the fintech's certificate, and the certificate as a proxy writes it."""
    bank = lab.under("oauth-2.1").bank
    certificate = Path(bank.client_certificate("fintech").certificate).read_bytes()
    return bank.access_token(aud=f"{api}/", cnf={"x5t#S256": _thumbprint(certificate)}), quote(
        certificate.decode()
    )


def _thumbprint(pem: bytes) -> str:
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return base64url.encode(hashlib.sha256(der).digest())


ATTACK = Attack(
    id="N6",
    title="a forged header with a client certificate",
    loot=LOOT,
    countermeasures=("C10",),
    rule="MissingCertificate",
    clause="RFC 8705 3b",
    defence="fapikit.certificates.trust.ProxyTrust.is_near",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
