"""Mallory sends the certificate of the fintech through the proxy, in a header with underscores in its name.

The proxy in front of the API is nginx. It removes what a client sends as `x-ssl-client-cert`, and writes the field
itself if the connection has a certificate. `x_ssl_client_cert` is another name. nginx drops such names, unless somebody
has told it otherwise, for an old application say (`underscores_in_headers on`). Then it lets the field pass. Behind the
proxy it is the same name: CGI and WSGI turn hyphens into underscores, and so do many frameworks. A naive API reads
Mallory's field as the word of its proxy.

The API stops this. A name with underscores that others take for the proxy's field is ambiguous, and the request is
refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks.n06_certificate_header import HEADER, stolen, trusting
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story
from fapikit.certificates import CertificateHeader, ProxyTrust
from fapikit.certificates.proxy_fields import ProxyFields

LOOT = "the answer of an API to a token that is bound to the fintech's certificate"
FORGED = HEADER.replace("-", "_")
reading = ProxyFields.read
FINTECH, MALLORY, API = Party.FINTECH, Party.MALLORY, Party.ACCOUNTS


async def mapping(scope: Scope, receive: Receive, send: Send) -> None:
    """The naive API: its framework makes one name of both."""
    hyphened = [(name.replace(b"_", b"-"), value) for name, value in scope.get("headers", ())]
    await trusting({**scope, "headers": hyphened}, receive, send)


def mapped(fields: ProxyFields, of_proxy: Iterable[tuple[bytes, bytes]], *, joined: bool) -> dict[str, str]:
    """What the mutation check puts in the place of the defence: as shipped, and yet both names are one."""
    return reading(fields, [(name.replace(b"_", b"-"), value) for name, value in of_proxy], joined=joined)


def undefended(lab: Lab, story: Story) -> str:
    return _send(lab, story, lab.serve(mapping))


def defended(lab: Lab, story: Story) -> str:
    bank = lab.under("oauth-2.1").bank
    proxy = CertificateHeader("nginx", trust=ProxyTrust.of(["127.0.0.1", "::1"]))
    api = lab.protect(PlainTextResponse("welcome"), bank.issuer, client_certificates=proxy)
    return _send(lab, story, api)


def _send(lab: Lab, story: Story, api: str) -> str:
    front = lab.nginx("nginx-any-certificate.conf", api, "underscores_in_headers on;")
    token, certificate = stolen(lab, api)
    story.step(FINTECH, API, "a call over TLS with its certificate", "Mallory sees token and certificate.")
    story.step(
        MALLORY,
        API,
        f"{FORGED}: the certificate of the fintech",
        f"By way of nginx, which removes {HEADER} only.",
    )
    headers = {"authorization": f"Bearer {token}", FORGED: certificate}
    answer = accepted(lab.http.get(f"{front}/", headers=headers))
    story.step(API, MALLORY, "200", "The API takes the header for the word of its proxy.")
    assert answer.text == "welcome"
    return LOOT


ATTACK = Attack(
    id="N6.2",
    title="a certificate header with underscores",
    loot=LOOT,
    countermeasures=("C10",),
    rule="CertificateHeaderRefused",
    clause="RFC 9440 4",
    defence="fapikit.certificates.proxy_fields.ProxyFields.read",
    without=mapped,
    undefended=undefended,
    defended=defended,
)
