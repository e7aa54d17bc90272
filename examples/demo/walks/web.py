"""The customer signs in at the bank, reads the accounts, pays, and withdraws the consent. Numbered steps."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.choices import BEARER
from examples.demo.client import certificate_of
from examples.demo.customer import approve, begin_payment, fintech_client
from examples.demo.trace import Recorder
from examples.demo.walks.discovery import require_discovery
from examples.demo.walks.step import Step, require
from examples.demo.world import World, payment

_TOKENS = {"dpop": "a DPoP-bound JWT", "mtls": "a certificate-bound JWT", BEARER: "a JWT"}


class WebWalk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.browser = Browser(world)

    def steps(self) -> list[Step]:
        signed = self.world.profile.jarm_required
        profile = self.world.profile
        push = "a signed request object" if profile.request_object_required else "the request"
        push += " at PAR" if profile.par_required else " through the browser"
        answer = "the signed response verified" if signed else "iss checked"
        if self.world.hybrid:
            answer = "the ID token that signs the answer verified (c_hash, s_hash)"
        method = "a public client" if self.world.method == "none" else self.world.method
        token = _TOKENS[self.world.binding]
        asks = "asks the bank, whose answer is signed," if signed else "introspects"
        steps = [
            Step("discovery: RFC 8414 and OIDC, the issuer checked", self.discovery),
            Step(f"{push}: {method}, PKCE, nonce, state, one payment, both APIs", self.push),
            Step("login, and a consent page that shows payee and amount", self.consent),
            Step(f"back at the fintech: {answer}, code exchanged by {method}, with PKCE", self.callback),
            Step("the ID token verified in full, UserInfo's sub compared", self.identity),
            Step(f"GET /accounts: {token} for that API only, which verifies it locally", self.accounts),
            Step(
                f"POST /payments: a refresh brings the second token; the API {asks} and pays once", self.pay
            ),
            Step(
                "revocation: the API refuses the next payment, the bank a refresh, and the page says so",
                self.revoke,
            ),
        ]
        if self.world.hybrid:
            steps.append(Step("once more by PAR and JARM: one signed response verified, and paid", self.jarm))
        return steps

    def discovery(self) -> None:
        require_discovery(self.world, "browser")

    def push(self) -> None:
        self.browser.open(self.world.fintech)
        self.browser.submit(stop_at=self.world.bank)
        asked = set(parse_qs(urlsplit(self.browser.url).query))
        if self.world.profile.par_required:
            require(asked == {"client_id", "request_uri"}, "the browser is sent on with a request_uri alone")
        elif self.world.profile.request_object_required:
            outside = {"client_id", "request", "response_type", "scope"}
            require(asked == outside, f"all else is in the signed request object: {sorted(asked)}")
        else:
            require("code_challenge" in asked, "the browser carries the request")

    def consent(self) -> None:
        self.browser.open(self.browser.url)
        page = self.browser.submit({"username": USERNAME, "password": PASSWORD})
        for words in ("Green Grocer Ltd", "123.50", "Penny Fintech"):
            require(words in page.text, f"the consent page shows {words}")

    def callback(self) -> None:
        page = self.browser.submit(press="approve")
        require("Welcome" in page.text, f"the fintech signed the customer in: {page.text}")

    def identity(self) -> None:
        page = self.browser.open(f"{self.world.fintech}/events")
        for check in ("signature", "iss", "aud", "exp", "iat", "nonce", "at_hash"):
            require(f"ID token: {check}" in page.text, f"the report lists the ID token's {check}")
        require("Alice Example" in page.text, f"UserInfo names the customer: {page.text}")

    def accounts(self) -> None:
        page = self.browser.open(f"{self.world.fintech}/accounts")
        require("DE89370400440532013000" in page.text, "the accounts are shown")

    def pay(self) -> None:
        self.browser.open(self.world.fintech)
        page = self.browser.submit(form=0)
        require("Paid" in page.text and "123.50" in page.text, f"the receipt is shown: {page.text}")

    def revoke(self) -> str:
        self.browser.open(self.world.fintech)
        self.browser.submit(form=1)
        page = self.browser.submit(form=0)
        require("no longer accepts the refresh token" in page.text, f"the end is shown: {page.text}")
        return page.text.partition("That did not work ")[2]

    def jarm(self) -> None:
        """The other answer of FAPI 1 Advanced: a code in a signed response, for a pushed request."""
        world, fintech = self.world, Recorder(self.world, "fintech")
        client = fintech_client(
            world,
            fintech.settings(certificate_of(world)),
            response_type="code",
            response_mode="jwt",
            pushed_requests=True,
        )
        start = begin_payment(client, world)
        callback = approve(world, start.url, "browser")
        require("response=" in callback, "the bank answers with a signed response")
        login = client.complete(callback, start.transaction, resource=world.payments_resource)
        require(
            "signed response: signature" in str(login.report), f"the signature was checked: {login.report}"
        )
        with client.api(
            login.tokens,
            base_url=world.payments_resource,
            resource=world.payments_resource,
            event_hooks=fintech.hooks(),
        ) as api:
            answer = api.post(
                world.payments_resource, json=payment(), headers={"Idempotency-Key": str(uuid.uuid4())}
            )
        require(answer.status_code == 201, f"the payment is executed: {answer.text}")
