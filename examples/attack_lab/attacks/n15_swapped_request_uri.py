"""Alice approves a request that she takes for the fintech's, and it is Mallory's.

Mallory Ltd pushes a request of its own and gets a `request_uri`. Mallory sends Alice a link to her bank that names the
fintech as the client, with that `request_uri`. A naive bank shows the client of the link, and takes everything else
from the pushed request. Alice reads the name that she trusts, and the code goes to the page of Mallory Ltd.

The bank stops this. A `request_uri` is good for the client that pushed it, and for no other.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from examples.attack_lab.attack import Attack
from examples.attack_lab.ecosystem import FINTECH, MALLORY_LTD, Ecosystem
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story

LOOT = "an authorization code that Alice gave to the fintech"
ALICE, BANK, MALLORY = Party.ALICE, Party.BANK, Party.MALLORY


class PushedBank(NaiveBank):
    """It keeps pushed requests, and adds them to whatever the browser says."""

    def __init__(self, issuer: str, **settings: list[str]) -> None:
        super().__init__(issuer, **settings)
        self.pushed: dict[str, dict[str, str]] = {}

    def push(self, request: dict[str, str]) -> str:
        request_uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe(8)}"
        self.pushed[request_uri] = request
        return request_uri

    async def authorize(self, request: Request) -> Response:
        asked = {**self.pushed[request.query_params["request_uri"]], **request.query_params}
        scope = {**request.scope, "query_string": str(QueryParams(asked)).encode()}
        return await super().authorize(Request(scope))


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(PushedBank)
    _tell(story)
    request_uri = bank.push(
        {"client_id": MALLORY_LTD, "redirect_uri": f"{lab.mallory_ltd_site}/callback", "scope": "accounts"}
    )
    return _lured(lab, story, f"{bank.issuer}/authorize", request_uri, at=None)


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    _tell(story)
    start = world.mallorys_client().begin(scope="accounts", resources=[world.accounts])
    request_uri = parse_qs(urlsplit(start.url).query)["request_uri"][0]
    return _lured(lab, story, f"{world.bank.issuer}/authorize", request_uri, at=world)


def _tell(story: Story) -> None:
    story.step(MALLORY, BANK, "POST /par as Mallory Ltd", "An honest request of a registered client.")


def _lured(lab: Lab, story: Story, endpoint: str, request_uri: str, *, at: Ecosystem | None) -> str:
    story.step(
        MALLORY,
        ALICE,
        "a link to Alice's own bank",
        "It names the fintech, and the wrong request_uri.",
    )
    story.step(ALICE, BANK, "GET /authorize, and approve", "The page shows the name of the fintech.")
    query = urlencode({"client_id": FINTECH, "request_uri": request_uri})
    ended = lab.alice_opens(f"{endpoint}?{query}", at)
    story.step(BANK, MALLORY, "the code, by Alice's browser", "The pushed request says where to.")
    assert ended.startswith(lab.mallory_ltd_site)
    assert parse_qs(urlsplit(ended).query)["code"]
    return LOOT


ATTACK = Attack(
    id="N15",
    title="another client's request_uri",
    loot=LOOT,
    countermeasures=(),
    rule="InvalidRequestUri",
    clause="RFC 9126 2.2",
    defence="askit.requests.request_uris._usable",
    without=lambda request, *_: request,
    undefended=undefended,
    defended=defended,
)
