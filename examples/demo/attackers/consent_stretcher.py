"""The attacker at consents: has the tokens of a small one, knows its name, and keeps what has ended."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.bank import PATIENCE, STATUS_LIST_TTL
from examples.demo.client import attackers_certificate, certificate_of
from examples.demo.consents import CURRENT, LODGED_AT, SAVINGS, account_information, from_now
from examples.demo.customer import approve, fintech_client, mallorys_client
from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from fapikit.errors import PeerRefused
from rpkit import BerlinGroupConsent, Client, TokenSet
from rpkit.errors import GrantEnded

_LONG = 90 * 86_400
_BRIEF = 6
"""Seconds that the consent lasts which lapses while other attacks are played."""


class ConsentStretcher:
    """Wants more than the customer agreed to: another account, another client's grant, more time."""

    title = "A victim lets the app see one account; an attacker wants more of it:"

    def __init__(self, world: World) -> None:
        self.world = world
        self._victim = Recorder(world, "victim")
        self._client = fintech_client(world, self._victim.settings(certificate_of(world)))
        mallorys = Recorder(world, "attacker").settings(attackers_certificate(world))
        # Only a pushed request is answered to the client itself, under every profile.
        self._mallory = mallorys_client(world, mallorys, pushed_requests=True)

    def prepare(self) -> None:
        self._tokens = self._consented(from_now(_LONG))
        self._lapsing_at = time.monotonic() + _BRIEF
        self._lapsing = self._consented(from_now(_BRIEF))
        require(
            self._read(self._lapsing, CURRENT).status_code == 200, "the brief consent works before it ends"
        )

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [
            self.account_not_chosen,
            self.no_account,
            self.grant_of_another_client,
            self.look_at_another_clients_grant,
            self.intent_of_another_client,
            self.lapsed,
            self.flipped_status,
        ]

    def account_not_chosen(self) -> Refusal:
        """The token is valid and its proof too; the customer chose the other account."""
        answer = self._read(self._tokens, SAVINGS)
        challenge = answer.headers.get("www-authenticate", "")
        require(answer.status_code == 403, f"403 expected, {answer.status_code} came: {answer.text}")
        require("insufficient_authorization_details" in challenge, challenge)
        return Refusal("a token for the account not chosen", "403", challenge, "RFC 9396 9")

    def no_account(self) -> Refusal:
        """What is not of the type never reaches the customer. The bank names the member and the rule."""
        asked = account_information("every account of alice", until=from_now(_LONG))
        return self._refused(
            "a consent to what is no account",
            lambda: self._begin(self._mallory, asked, grant_management_action="create"),
            "invalid_authorization_details",
            "RFC 9396 5",
        )

    def grant_of_another_client(self) -> Refusal:
        """The name of a grant is no secret. The attacker asks the customer to add to it, in his own name."""
        return self._refused(
            "a consent merged into another client's grant",
            lambda: self._begin(
                self._mallory,
                account_information(SAVINGS, until=from_now(_LONG)),
                grant_management_action="merge",
                grant_id=self._tokens.grant_id,
            ),
            "invalid_grant_id",
            "GM 5.4",
        )

    def look_at_another_clients_grant(self) -> Refusal:
        grant_id = self._tokens.grant_id or ""
        return self._refused(
            "a look at another client's grant",
            lambda: self._mallory.query_grant(grant_id),
            "unauthorized_client",
            "GM 6.6",
        )

    def intent_of_another_client(self) -> Refusal:
        """As at banks that have no RAR: the app lodges what it will ask for, and its request names that. So does he."""
        resource = self.world.accounts_resource
        own = self._client.client_credentials(scope="accounts", resource=resource)
        lodged = self._client.lodge(
            BerlinGroupConsent(access={"balances": [{"iban": CURRENT}]}, valid_until=_in_90_days()),
            url=f"{self.world.bank}{LODGED_AT}",
            tokens=own,
            resource=resource,
        )
        asked = {"resources": [resource], **lodged.asked(scope="openid profile accounts")}
        refusal = self._refused(
            "an intent of another client",
            lambda: self._mallory.begin(**asked),
            "invalid_request",
            "LODGING 4",
        )
        approve(self.world, self._client.begin(**asked).url)  # whoever lodged it may ask for it
        return refusal

    def lapsed(self) -> Refusal:
        """The consent was for a few seconds, which are over. The attacker does not look at the clock, the API does.

        The client asks for a new token then, and the bank refuses that too.
        """
        time.sleep(max(0.0, self._lapsing_at - time.monotonic()))
        timeless = tuple(replace(token, expires_at=None) for token in self._lapsing.access_tokens)
        answer = self._read(replace(self._lapsing, access_tokens=timeless), CURRENT)
        challenge = answer.headers.get("www-authenticate", "")
        require(answer.status_code in (401, 403), f"a refusal expected, {answer.status_code} came")
        return Refusal("a consent that has lapsed", str(answer.status_code), challenge, "RFC 6750 3.1")

    def flipped_status(self) -> Refusal:
        """The same call twice. In between, the consent ends, and the bank flips the entry of its token.

        The API asks nobody about a token: it reads the list again when its `ttl` has passed.
        """
        require(self._read(self._tokens, CURRENT).status_code == 200, "the first call works")
        self._client.revoke_grant(self._tokens)
        began = time.monotonic()
        answer = self._read(self._tokens, CURRENT)
        while answer.status_code == 200 and time.monotonic() < began + PATIENCE:
            time.sleep(STATUS_LIST_TTL * 1.1)  # the list may be made anew a tenth of its `ttl` later
            answer = self._read(self._tokens, CURRENT)
        challenge = answer.headers.get("www-authenticate", "")
        require(answer.status_code == 401, f"401 expected, {answer.status_code} came")
        require("invalid_token" in challenge, challenge)
        seconds = time.monotonic() - began
        return Refusal(f"a status flipped between two calls ({seconds:.1f} s)", "401", challenge, "TSL 8.3")

    def _consented(self, until: str) -> TokenSet:
        detail = account_information(CURRENT, until=until)
        start = self._begin(self._client, detail, grant_management_action="create")
        callback = approve(self.world, start.url)
        return self._client.complete(
            callback, start.transaction, resource=self.world.accounts_resource
        ).tokens

    def _begin(self, client: Client, *details: Any, **more: Any) -> Any:
        return client.begin(
            scope="openid profile accounts",
            resources=[self.world.accounts_resource],
            authorization_details=list(details),
            **more,
        )

    def _read(self, tokens: TokenSet, iban: str) -> httpx.Response:
        """The API's answer to this token. That the client then asks for another one and gets none is another matter."""
        answers: list[httpx.Response] = []
        resource = self.world.accounts_resource
        hooks = {"response": [answers.append]}
        with self._client.api(tokens, base_url=resource, resource=resource, event_hooks=hooks) as api:
            try:
                return api.get(f"{resource}/{iban}")
            except GrantEnded:
                return answers[-1]

    def _refused(self, title: str, attempt: Callable[[], object], code: str, rule: str) -> Refusal:
        try:
            attempt()
        except PeerRefused as error:
            require(error.peer_code == code, f"{title}: {code} expected, {error.peer_code} came: {error}")
            return Refusal(title, str(error.status), error.message, rule)
        raise AssertionError(f"{title} was accepted")


def _in_90_days() -> dt.date:
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=90)
