"""A client tells Alice that it only reads her accounts, and asks the bank for the right to pay from them.

Mallory Ltd is a registered client. Its own page offers a budget planner, but its request to the bank is for payments
too. A naive bank only asks whether Mallory Ltd may connect, so Alice agrees.

The bank's page stops this. It says in words what the client asks for, each scope and each payment, and which account
it is about. Alice reads that Mallory Ltd may make payments, and refuses.
"""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.browser import Browser
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.story import Party, Story

LOOT = "a payment from Alice's account"
ALICE, BANK, CLIENT, PAYMENTS = Party.ALICE, Party.BANK, Party.MALLORY, Party.PAYMENTS


class AskingBank(NaiveBank):
    """It asks, but does not say what for."""

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        if asked.get("decision") == "approve":
            return await super().authorize(request)
        fields = "".join(f'<input name="{name}" value="{escape(value)}">' for name, value in asked.items())
        return HTMLResponse(
            f"<form>May Mallory Ltd connect to your account? {fields}<button>Yes</button></form>"
        )


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(AskingBank)
    client = NaiveClient(lab.http, f"{lab.mallory_ltd_site}/callback", client_id="mallory-ltd")
    client.choose(bank.issuer)
    _tell(story)
    browser = lab.browser()
    browser.open(client.begin("accounts payments"))
    _decide(browser, story)
    client.complete(browser.url)
    _tell_the_payment(story)
    headers = {"authorization": f"Bearer {client.access_token}"}
    assert accepted(lab.http.post(f"{bank.issuer}/payments", headers=headers)).json()["owner"] == "alice"
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    world = lab.under("fapi2-security")
    client = world.mallorys_client()
    _tell(story)
    browser = lab.browser()
    start = client.begin(scope="accounts payments", resources=[world.payments])
    lab.alice_signs_in(browser, start.url)
    _decide(browser, story)
    login = client.complete(browser.url, start.transaction, resource=world.payments)
    _tell_the_payment(story)
    with client.api(login.tokens, base_url=world.payments, resource=world.payments) as api:
        assert accepted(api.post(world.payments)).json()["owner"] == "alice"
    return LOOT


def _tell(story: Story) -> None:
    story.step(ALICE, CLIENT, "plan my budget", "Mallory Ltd says that it only reads accounts.")
    story.step(CLIENT, BANK, "a request for accounts and payments", "Alice does not see this message.")
    story.step(BANK, ALICE, "the consent page", "What is on it is all that Alice can decide by.")


def _decide(browser: Browser, story: Story) -> None:
    """Alice refuses if the page speaks of payments. She ends at the client's page."""
    answer = "deny" if "payments" in browser.page.text else "approve"
    story.step(ALICE, BANK, "her decision", "She reads the page, and approves what she was promised.")
    browser.submit({"decision": answer})
    story.step(BANK, CLIENT, "the authorization response", "By Alice's browser.")


def _tell_the_payment(story: Story) -> None:
    story.step(CLIENT, PAYMENTS, "POST /payments", "Mallory Ltd has a token for what Alice never saw.")


ATTACK = Attack(
    id="common",
    title="a request for more than the client says",
    loot=LOOT,
    countermeasures=("C1",),
    rule="AuthorizationRefused",
    clause="RFC 6749 4.1.2.1",
    defence="askit.pages.entries.asked",
    without=lambda *_: {"scopes": [], "details": [], "once": False},
    undefended=undefended,
    defended=defended,
)
