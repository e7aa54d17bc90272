"""Mallory uses a token that is bound to the fintech's certificate, with a certificate of his own.

The fintech connects with a certificate, and its tokens are bound to that certificate. Mallory has a token out of a
log. He connects to the API with a certificate that the same authority has issued to him. A naive API asks whether the
certificate is good, and whether the token is good, and not whether they belong together.

The API stops this. The token has the hash of the certificate that it is bound to, and TLS proves that whoever connects
has the key of the certificate that he shows.
"""

from __future__ import annotations

import hashlib

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import PlainTextResponse

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.api import believing
from examples.attack_lab.story import Party, Story
from fapikit import base64url

LOOT = "the answer of an API to a token that is bound to the fintech's certificate"
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS


def undefended(lab: Lab, story: Story) -> str:
    app = believing(lab.under("oauth-2.1").bank.issuer)
    return _connect(lab, story, lab.serve(app, tls=lab.tls_asking_for_certificates()))


def defended(lab: Lab, story: Story) -> str:
    issuer = lab.under("oauth-2.1").bank.issuer
    app, tls = PlainTextResponse("welcome"), lab.tls_asking_for_certificates()
    return _connect(lab, story, lab.protect(app, issuer, tls=tls))


def _connect(lab: Lab, story: Story, api: str) -> str:
    bank = lab.under("oauth-2.1").bank
    fintechs, mallorys = bank.client_certificate("fintech"), bank.client_certificate("mallory-ltd")
    der = x509.load_pem_x509_certificate(fintechs.certificate.read_bytes()).public_bytes(Encoding.DER)
    thumbprint = base64url.encode(hashlib.sha256(der).digest())
    token = bank.access_token(aud=f"{api}/", cnf={"x5t#S256": thumbprint})
    story.step(FINTECH, MALLORY, "a token, in a log", "It is bound to the certificate of the fintech.")
    story.step(MALLORY, API, "a call with that token and his certificate", "Both are good, each for itself.")
    with httpx.Client(verify=lab.tls_with(mallorys), trust_env=False) as http:
        answer = accepted(http.get(f"{api}/", headers={"authorization": f"Bearer {token}"}))
    assert answer.text == "welcome"
    story.step(API, MALLORY, "200", "Nobody has compared the two.")
    return LOOT


ATTACK = Attack(
    id="N5.4",
    title="a bound token with another certificate",
    loot=LOOT,
    countermeasures=("C6",),
    rule="WrongCertificate",
    clause="RFC 8705 3b",
    defence="rskit.possession.confirmation.require_certificate",
    undefended=undefended,
    defended=defended,
)
