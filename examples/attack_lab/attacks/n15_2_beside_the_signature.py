"""Mallory adds a parameter to a signed request, beside what is signed.

The fintech asks for Alice's accounts, in a signed request. The signature protects what is in it, and the URL has room
for more. An extension in Alice's browser adds a scope for payments to the URL. A naive bank takes the signed
parameters, and those beside them. Mallory, who has broken into the fintech too, now has a token that pays.

The bank stops this without a refusal. Of a signed request nothing counts but what is signed, so the token is for
accounts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from askit.requests.request_object import read_request_object
from examples.attack_lab.answers import NothingCame
from examples.attack_lab.attack import Attack
from examples.attack_lab.jwts import claims_of, signed
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "the right to pay, for which the fintech never asked"
ALICE, BANK, FINTECH, MALLORY = Party.ALICE, Party.BANK, Party.FINTECH, Party.MALLORY
MORE = "accounts payments"


async def merged(core: Any, parameters: Any, client: Any, request_object: str) -> Mapping[str, Any]:
    """What the mutation check puts in the place of the defence: parameters beside the signed ones count too."""
    return {**await read_request_object(core, request_object, client), "scope": parameters["scope"]}


class MergingBank(NaiveBank):
    """It reads the signed request, and then the parameters beside it."""

    async def authorize(self, request: Request) -> Response:
        beside = dict(request.query_params)
        asked = {**claims_of(beside.pop("request")), **beside}
        scope = {**request.scope, "query_string": str(QueryParams(asked)).encode()}
        return await super().authorize(Request(scope))


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(MergingBank)
    client = NaiveClient(lab.http, f"{lab.fintech_site}/callback")
    client.choose(bank.issuer)
    _tell(story)
    endpoint, _, query = client.begin().partition("?")
    request = {"client_id": client.client_id, "request": signed(dict(parse_qsl(query)), client.key)}
    _tell_the_change(story)
    lab.alice_opens(f"{endpoint}?{urlencode({**request, 'scope': MORE})}")
    (agreed,) = bank.codes.values()
    return _look(story, agreed["scope"])


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("oauth-2.1")
    client = world.client(signed_requests=True, pushed_requests=False)
    _tell(story)
    start = client.begin(scope="accounts", resources=[world.accounts])
    _tell_the_change(story)
    endpoint, _, query = start.url.partition("?")
    callback = world.bank.browse(f"{endpoint}?{urlencode({**dict(parse_qsl(query)), 'scope': MORE})}")
    login = client.complete(callback, start.transaction, resource=world.accounts)
    return _look(story, login.tokens.scope or "")


def _tell(story: Story) -> None:
    story.step(FINTECH, ALICE, "302 to the bank, with a signed request", "It asks for accounts.")


def _tell_the_change(story: Story) -> None:
    story.step(MALLORY, ALICE, f"scope={MORE}, beside the signed request", "The signature stays right.")
    story.step(ALICE, BANK, "GET /authorize, approve", "She does not read the page to its end.")


def _look(story: Story, scope: str) -> str:
    story.step(BANK, FINTECH, "a token", "Mallory looks what it is for.")
    if "payments" not in scope:
        raise NothingCame(f"the token is for {scope}", clause="RFC 9101 6.3")
    return LOOT


ATTACK = Attack(
    id="N15.2",
    title="a parameter beside the signed request",
    loot=LOOT,
    countermeasures=("C21",),
    rule="NothingCame",
    clause="RFC 9101 6.3",
    defence="askit.requests.authorization_request.read_members",
    without=merged,
    undefended=undefended,
    defended=defended,
)
