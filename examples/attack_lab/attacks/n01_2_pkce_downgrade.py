"""Mallory removes PKCE from Alice's request, and puts her code into a login of his own.

Not every bank demands PKCE. Mallory has an extension in Alice's browser. It removes the challenge from her request, and
it keeps the code for him. The code belongs to no verifier now. He begins a login of his own at the fintech, and comes
back with Alice's code and his own `state`. The fintech sends the verifier of his login, as always. A naive bank has no
challenge with this code, so it compares nothing, and what the fintech gets belongs to Alice.

The bank stops this. A verifier for a code that was asked for without a challenge is a contradiction, and the code is
refused. The bank of this play has an exception from the rule that each request must have a challenge, for clients with
a nonce; the extension adds one.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from examples.attack_lab.attack import Attack
from examples.attack_lab.attacks.n01_code_injection import LOOT, inject, injected
from examples.attack_lab.lab import Lab
from examples.attack_lab.story import Party, Story

ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
EXCEPTION = {"name": "PKCE_OPTIONAL", "until": "2099-12-31", "reason": "an old client"}


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank()
    client = lab.app_at(bank)
    _tell_the_removal(story)
    stolen = lab.alice_opens(_without_challenge(client.begin(scope="accounts").url))
    own = client.begin(scope="accounts")
    _tell_the_injection(story)
    callback = injected(f"{lab.fintech_site}/callback", own.url, stolen)
    tokens = client.complete(callback, own.transaction).tokens
    assert bank.tokens[tokens.access_tokens[0].value.reveal()]["owner"] == "alice"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    with lab.fresh("oauth-2.1", quirks=[EXCEPTION]) as world:
        return inject(world, story, _tell_the_removal, _tell_the_injection, altered=_without_challenge)


def _tell_the_removal(story: Story) -> None:
    story.step(FINTECH, ALICE, "302 to the bank, with a challenge", "The fintech does PKCE, as always.")
    story.step(MALLORY, ALICE, "the URL, with a nonce instead", "The request in the URL is not signed.")
    story.step(ALICE, BANK, "sign in, approve", "The bank gives a code that belongs to no verifier.")
    story.step(ALICE, MALLORY, "the code, on its way to the fintech", "The extension keeps it.")


def _tell_the_injection(story: Story) -> None:
    story.step(MALLORY, FINTECH, "connect my bank", "His login has a state and a verifier of its own.")
    story.step(MALLORY, FINTECH, "GET /callback with Alice's code and his state", "The state is right.")
    story.step(
        FINTECH,
        BANK,
        "POST /token with Alice's code and his verifier",
        "There is nothing to compare it with.",
    )


def _without_challenge(url: str) -> str:
    """The same request without PKCE; for the bank that makes an exception, an OpenID request with a nonce."""
    endpoint, _, query = url.partition("?")
    kept = {name: value for name, value in parse_qsl(query) if not name.startswith("code_challenge")}
    changed = {**kept, "scope": f"openid {kept['scope']}", "nonce": "1"}
    return f"{endpoint}?{urlencode(changed)}"


ATTACK = Attack(
    id="N1.2",
    title="PKCE removed from the request",
    loot=LOOT,
    countermeasures=("C15",),
    rule="InvalidGrant",
    clause="RFC 9700 2.1.1c",
    defence="askit.grants.authorization_code._require_both_or_none",
    undefended=undefended,
    defended=defended,
)
