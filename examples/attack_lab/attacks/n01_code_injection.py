"""Mallory puts Alice's code into a login of his own, and the fintech takes him for Alice.

Mallory has got hold of a code of Alice's before the fintech redeemed it. He cannot redeem it, because he is not the
fintech. So he lets the fintech do it. He begins a login of his own, and comes back with Alice's code and with his own
`state`. The fintech redeems the code, and what it gets belongs to Alice.

The bank stops this. Each login has a verifier of its own, which no browser ever sees, and the bank knows its hash with
each code. The verifier of Mallory's login does not fit Alice's code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import Ecosystem
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "Alice's accounts in his own session"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    _tell_the_theft(story)
    stolen = lab.alice_opens(client.begin())
    mallorys = client.begin()
    _tell_the_injection(story)
    client.complete(injected(f"{lab.fintech_site}/callback", mallorys, stolen))
    assert bank.tokens[client.access_token]["owner"] == "alice"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    return inject(lab.under("oauth-2.1"), story, _tell_the_theft, _tell_the_injection)


def inject(
    world: Ecosystem,
    story: Story,
    tell_the_theft: Callable[[Story], None],
    tell_the_injection: Callable[[Story], None],
    *,
    altered: Callable[[str], str] = str,
) -> str:
    """Without OpenID Connect and without bound tokens: then only the verifier ties a code to a login.

    `altered`: what Mallory makes of the URL of Alice's request.
    """
    client = world.client(sender_constraint=None, pushed_requests=False)
    request: dict[str, Any] = {"scope": "accounts", "resources": [world.accounts]}
    tell_the_theft(story)
    stolen = str(world.bank.browse(altered(client.begin(**request).url)))
    own = client.begin(**request)
    tell_the_injection(story)
    callback = injected(world.redirect_uri, own.url, stolen)
    tokens = client.complete(callback, own.transaction, resource=world.accounts).tokens
    with client.api(tokens, base_url=world.accounts, resource=world.accounts) as api:
        assert api.get(world.accounts).json()["owner"] == "alice"
    return LOOT


def _tell_the_theft(story: Story) -> None:
    story.step(ALICE, BANK, "sign in, approve", "The fintech has sent her there.")
    story.step(
        ALICE, MALLORY, "the code, on its way to the fintech", "From a log, or by a page that crashed."
    )


def _tell_the_injection(story: Story) -> None:
    story.step(MALLORY, FINTECH, "connect my bank", "His login has a state of its own, in his own browser.")
    story.step(MALLORY, FINTECH, "GET /callback with Alice's code and his state", "The state is right.")
    story.step(FINTECH, BANK, "POST /token with Alice's code", "The fintech cannot see whose code it is.")


def injected(redirect_uri: str, own: str, stolen: str) -> str:
    """The stolen response, with the state of a login of one's own."""
    response = {name: values[0] for name, values in parse_qs(urlsplit(stolen).query).items()}
    response["state"] = parse_qs(urlsplit(own).query)["state"][0]
    return f"{redirect_uri}?{urlencode(response)}"


ATTACK = Attack(
    id="N1",
    title="code injection",
    loot=LOOT,
    countermeasures=("C15",),
    rule="InvalidGrant",
    clause="RFC 7636 4.6",
    defence="fapikit.pkce.verifier_matches",
    without=lambda *_: True,
    undefended=undefended,
    defended=defended,
)
