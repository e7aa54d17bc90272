"""Mallory listens to the wire, and the code passes by on its way to the fintech.

The fintech has registered a redirect URI that begins with http. The bank sends Alice's browser there, with the code.
Mallory runs the hotspot that she uses. He reads the code, and keeps the request from arriving.

The bank stops this when the client is registered. A redirect URI must begin with https.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from examples.attack_lab.attack import Attack
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

LOOT = "Alice's authorization code"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
IN_CLEAR = "http://fintech.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    _tell_the_registration(story)
    bank.redirect_uris.append(IN_CLEAR)
    sent_to = lab.http.get(_request(bank.issuer)).headers["location"]
    return _listen(lab, story, sent_to)


def defended(lab: Lab, story: Story) -> str:
    careless = {
        "client_id": "careless-fintech",
        "redirect_uris": [IN_CLEAR],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    }
    _tell_the_registration(story)
    with lab.fresh("oauth-2.1", clients=[careless]) as world:
        return _listen(lab, story, str(world.bank.browse(_request(world.bank.issuer))))


def _request(issuer: str) -> str:
    asked = {
        "client_id": "careless-fintech",
        "response_type": "code",
        "redirect_uri": IN_CLEAR,
        "scope": "accounts",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{issuer}/authorize?{urlencode(asked)}"


def _tell_the_registration(story: Story) -> None:
    story.step(FINTECH, BANK, f"our redirect URI is {IN_CLEAR}", "Somebody forgot an s.")


def _listen(lab: Lab, story: Story, sent_to: str) -> str:
    hotspot, proxy = lab.hotspot()
    story.step(ALICE, BANK, "GET /authorize, approve", "All that is by https.")
    story.step(BANK, ALICE, f"302 to {IN_CLEAR}?code=...", "The next request is not.")
    story.step(
        ALICE,
        MALLORY,
        "GET /callback?code=..., as it passes his hotspot",
        "Nothing on this wire is encrypted.",
    )
    with httpx.Client(proxy=proxy, trust_env=False) as browser:
        browser.get(sent_to)
    assert hotspot.seen[-1].query["code"] == parse_qs(urlsplit(sent_to).query)["code"][0]
    return LOOT


ATTACK = Attack(
    id="T7B",
    title="a code on its way in clear text",
    loot=LOOT,
    countermeasures=("C5",),
    rule="InvalidRedirectUri",
    clause="RFC 9700 2.6",
    defence="askit.clients.redirect_uris.check_redirect_uri",
    undefended=undefended,
    defended=defended,
)
