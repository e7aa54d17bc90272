"""Malware on Alice's computer pays Mallory, and shows her the payee that she expects.

Alice orders from her grocer, in a browser that Mallory's malware rules. It changes the payee on the way out and changes
it back in each page that comes in. No rule of a protocol can see that, because all messages are as Alice's browser
sends them. A bank that asks her in the same browser asks in vain: she reads the grocer's name, and approves.

The toolkit cannot keep malware away. It offers a second channel (CIBA): the bank asks Alice on her phone, which shows
the payment as the bank has got it. There she reads Mallory's name, and says no.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from examples.attack_lab.answers import accepted
from examples.attack_lab.attack import Attack
from examples.attack_lab.browser import Browser
from examples.attack_lab.ecosystem import FINTECH, GROCERIES
from examples.attack_lab.lab import Lab
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.story import Party, Story
from fapikit import PrivateKey, PrivateKeyJWT
from fapikit.urns import CIBA

LOOT = "a payment of Alice's, which she approved herself"
ALICE, BANK, FINTECH_PARTY, PAYMENTS = Party.ALICE, Party.BANK, Party.FINTECH, Party.PAYMENTS
GROCER = str(GROCERIES["creditor_name"])
ALTERED = {**GROCERIES, "creditor_name": "Mallory"}


class AskingBank(NaiveBank):
    """It shows the payee, in the browser that sent the order."""

    def __init__(self, issuer: str, **settings: Any) -> None:
        super().__init__(issuer, **settings)
        self.paid: list[str] = []
        self.app.router.routes.insert(0, Route("/pay", self.pay, methods=["GET", "POST"]))

    async def pay(self, request: Request) -> Response:
        payee = request.query_params["payee"]
        if request.method == "GET":
            return HTMLResponse(f'<form method="post">Pay {payee}? <button>Approve</button></form>')
        self.paid.append(payee)
        return JSONResponse({"paid": payee})


def undefended(lab: Lab, story: Story) -> str:
    bank = lab.naive_bank(AskingBank)
    _tell_the_order(story)
    story.step(
        BANK, ALICE, "a page: pay Mallory?", "It passes her computer, and there it says: pay the grocer?"
    )
    browser = lab.browser()
    browser.open(f"{bank.issuer}/pay?payee=Mallory")
    _decide(browser, story, seen=browser.page.text.replace("Mallory", GROCER))
    assert bank.paid == ["Mallory"]
    return LOOT


def defended(lab: Lab, story: Story) -> str:
    key = PrivateKey.generate("ES256")
    with lab.fresh("fapi2-security", clients=[_shop(key)], polling_interval=1) as world:
        shop = world.client(auth=PrivateKeyJWT(key))
        _tell_the_order(story)
        asked = shop.ciba(
            scope="openid payments",
            login_hint="alice",
            resources=[world.payments],
            authorization_details=[ALTERED],
        )
        story.step(BANK, ALICE, "on her phone: pay Mallory?", "Her phone is another device, and it is clean.")
        phone = lab.browser()
        lab.alice_signs_in(phone, f"{world.bank.issuer}/authentication_device")
        _decide(phone, story, seen=phone.page.text)
        login = shop.wait(asked, resource=world.payments)
        story.step(FINTECH_PARTY, PAYMENTS, "pay Mallory", "Alice has approved, so it is paid.")
        with shop.api(login.tokens, base_url=world.payments, resource=world.payments) as api:
            answer = accepted(api.post(f"{world.payments}/order", json=ALTERED)).json()
        assert answer["executed"]["creditor_name"] == "Mallory"
        return LOOT


def _shop(key: PrivateKey) -> dict[str, Any]:
    """The grocer's payment service, which asks Alice on her phone."""
    return {
        "client_id": FINTECH,
        "client_name": "Penny Fintech",
        "grant_types": [CIBA],
        "response_types": [],
        "authorization_details_types": [ALTERED["type"]],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(key.public_jwk)]},
        "backchannel_token_delivery_mode": "poll",
    }


def _tell_the_order(story: Story) -> None:
    story.step(ALICE, FINTECH_PARTY, "pay the grocer 12.50 EUR", "She has typed the grocer's name.")
    story.step(
        FINTECH_PARTY, BANK, "a payment to Mallory", "The malware on her computer has changed the payee."
    )


def _decide(browser: Browser, story: Story, *, seen: str) -> None:
    """Alice approves, unless what she sees speaks of Mallory."""
    story.step(ALICE, BANK, "her decision", "She compares the payee with what she wants to pay.")
    browser.submit({"decision": "deny" if "Mallory" in seen else "approve"})


ATTACK = Attack(
    id="T10.4",
    title="an infected computer",
    loot=LOOT,
    countermeasures=("C1",),
    rule="RequestDenied",
    clause="CIBA 11a",
    defence="askit.pages.entries.asked",
    without=lambda *_: {"scopes": [], "details": [], "once": False},
    undefended=undefended,
    defended=defended,
)
