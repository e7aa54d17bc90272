"""The customer links two banks, reads both, pays from one, and takes everything back. Numbered steps."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from examples.demo.bank import PASSWORD, PATIENCE, STATUS_LIST_LAG, USERNAME
from examples.demo.banks import HARBOUR, OLD_MILL
from examples.demo.browser import Browser, Page
from examples.demo.choices import BEARER
from examples.demo.client import certificate_of
from examples.demo.consents import CURRENT
from examples.demo.customer import approve, begin_payment, fintech_client
from examples.demo.payment import payment
from examples.demo.trace import Recorder
from examples.demo.walks.discovery import require_discovery
from examples.demo.walks.step import Step, require
from examples.demo.world import World

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
        one, other = OLD_MILL.title, HARBOUR.title
        steps = [
            Step("discovery at both banks: RFC 8414 and OIDC, each issuer checked", self.discovery),
            Step(f"{one}: {push}, {method}, PKCE, nonce, state, one API", self.push),
            Step("login, and a consent page that says who asks, and for what", self.consent),
            Step(f"back at the fintech: {answer}, code exchanged by {method}, with PKCE", self.callback),
            Step("the ID token verified in full, UserInfo's sub compared", self.identity),
            Step(f"{other} too: another issuer, other keys, another redirect URI", self.other_bank),
            Step(
                f"the accounts of both side by side: {token} for that API only, which verifies it locally",
                self.accounts,
            ),
            Step(f"one account with its movements; for alice of {other} it does not exist", self.account),
            Step("a payment from it: the consent page shows payee, amount and account", self.order),
            Step(
                f"a token for the other API, and POST /payments: it {asks} and pays once; the new balance",
                self.pay,
            ),
            Step("what was granted, at the fintech and on the page of each bank", self.granted),
            Step(
                f"taken back at the fintech: {one}'s APIs refuse at once, the bank a refresh, and the page says so",
                self.revoke,
            ),
            Step(f"taken back at {other}, on its own page: the fintech sees nothing any more", self.end),
        ]
        if self.world.hybrid:
            steps.append(Step("once more by PAR and JARM: one signed response verified, and paid", self.jarm))
        return steps

    def discovery(self) -> None:
        require_discovery(self.world, "browser")

    def push(self) -> None:
        self.browser.open(self.world.fintech)
        self.browser.submit(form=0, stop_at=self.world.bank)
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
        self._require_words(page, OLD_MILL.title, "Penny Fintech", "See your accounts and their balances")

    def callback(self) -> None:
        page = self.browser.submit(press="approve")
        self._require_words(page, "Welcome", "1 of 2 banks", CURRENT, "2,450.10")

    def identity(self) -> None:
        page = self.browser.open(f"{self.world.fintech}/events")
        for check in ("signature", "iss", "aud", "exp", "iat", "nonce", "at_hash"):
            require(f"ID token: {check}" in page.text, f"the report lists the ID token's {check}")
        self._require_words(page, OLD_MILL.person)

    def other_bank(self) -> None:
        self.browser.open(self.world.fintech)
        self.browser.submit(form=0)  # the bank that is not linked yet has the only form
        page = self.browser.submit({"username": USERNAME, "password": PASSWORD})
        self._require_words(page, HARBOUR.title, "Penny Fintech", "See your accounts and their balances")
        page = self.browser.submit(press="approve")
        self._require_words(page, "2 of 2 banks")

    def accounts(self) -> None:
        page = self.browser.open(self.world.fintech)
        self._require_words(page, *(each.iban for bank in self.world.banks for each in bank.accounts))

    def account(self) -> None:
        page = self.browser.open(f"{self.world.fintech}/accounts/{HARBOUR.name}/{CURRENT}")
        self._require_words(page, f"{HARBOUR.title} has no such account of yours")
        page = self.browser.open(f"{self.world.fintech}/accounts/{OLD_MILL.name}/{CURRENT}")
        self._require_words(page, "2,450.10", *(each.party for each in OLD_MILL.accounts[0].movements))

    def order(self) -> None:
        page = self.browser.submit(form=0)
        self._require_words(page, OLD_MILL.title, "Penny Fintech", "Green Grocer Ltd", "123.50", CURRENT)

    def pay(self) -> str:
        page = self.browser.submit(press="approve")
        self._require_words(page, "Paid", "123.50", "Green Grocer Ltd", "New balance EUR 2,326.60")
        page = self.browser.open(f"{self.world.fintech}/accounts/{OLD_MILL.name}/{CURRENT}")
        self._require_words(page, "2,326.60", "Green Grocer Ltd", "-123.50")
        return "The account has EUR 2,326.60 now."

    def granted(self) -> None:
        page = self.browser.open(f"{self.world.fintech}/consents")
        self._require_words(
            page, OLD_MILL.title, HARBOUR.title, "one payment of EUR 123.50 to Green Grocer Ltd"
        )
        for bank in self.world.banks:
            page = self.browser.open(f"{self.world.issuer_of(bank)}/grants")
            self._require_words(page, bank.title, "Penny Fintech", "See your accounts and their balances")

    def revoke(self) -> str:
        self.browser.open(f"{self.world.fintech}/consents")
        page = self.browser.submit(form=0)
        self._require_words(page, "You took it back here")
        page = self.browser.submit(form=1, press="payment")
        self._require_words(page, "no longer accepts the refresh token")
        told = page.text.partition("That did not work ")[2].partition(" A demo on")[0]
        return self._soon(told, "no longer accepts the refresh token", self._read_all_the_same)

    def _read_all_the_same(self) -> Page:
        self.browser.open(f"{self.world.fintech}/consents")
        return self.browser.submit(form=0, press="accounts")

    def end(self) -> str:
        self.browser.open(f"{self.world.issuer_of(HARBOUR)}/grants")
        self.browser.submit(form=0)
        ended = f"{HARBOUR.title} no longer lets this app see your accounts"
        self._soon("", ended, lambda: self.browser.open(self.world.fintech))
        return self.browser.page.text.rpartition("For developers: ")[2].partition(" Sign in at")[0]

    def _soon(self, told: str, words: str, look: Callable[[], Page]) -> str:
        """A bank may take a moment to write its status list anew. Returns `told`."""
        end = time.monotonic() + PATIENCE
        time.sleep(STATUS_LIST_LAG * 1.1)
        while words not in look().text and time.monotonic() < end:
            time.sleep(STATUS_LIST_LAG)
        self._require_words(self.browser.page, words)
        return told

    def _require_words(self, page: Page, *words: str) -> None:
        """IBANs are compared without the spaces with which they are shown."""
        shown = page.text.replace(" ", "")
        for each in words:
            require(each.replace(" ", "") in shown, f"the page shows {each}: {page.text}")

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
            login.tokens, base_url=world.payments_resource, resource=world.payments_resource
        ) as api:
            answer = api.post(
                world.payments_resource, json=payment(), headers={"Idempotency-Key": str(uuid.uuid4())}
            )
        require(answer.status_code == 201, f"the payment is executed: {answer.text}")
