"""The attacker at the device flow: phishes with a code of his own, guesses and steals codes, polls in a hurry."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import httpx

from examples.demo.attackers.refusal import Refusal
from examples.demo.browser import Browser
from examples.demo.client import attackers_certificate, certificate_of
from examples.demo.customer import connect_device, fintech_client, mallorys_client, poll_once
from examples.demo.notes import error_of
from examples.demo.trace import Recorder
from examples.demo.walks.step import require
from examples.demo.world import World
from rpkit import Client, DeviceAuthorization
from rpkit.errors import RequestDenied
from rpkit.tokens.dpop_signer import new_dpop_key

_GUESSES = 6
"""One more than the bank lets an address guess within five minutes."""


class DevicePhisher:
    title = "More televisions ask; nobody decides about the first one, and an attacker is about:"

    def __init__(self, world: World) -> None:
        self.world = world
        self._http = Recorder(world, "television").settings(certificate_of(world))
        self._http.client.event_hooks["response"].append(self._overhear)
        self._slowed_down = Event()
        self._client = fintech_client(world, self._http)
        self._mallorys_http = Recorder(world, "attacker").settings(attackers_certificate(world))
        self._mallory = mallorys_client(world, self._mallorys_http)
        self._phone = Browser(world, "phone")

    def prepare(self) -> None:
        """The request that nobody decides about. It lapses while the other attacks are played."""
        self._lapsing = self._ask()

    def attacks(self) -> list[Callable[[], Refusal]]:
        # Wrong codes come last: they lock this address out for five minutes.
        return [self.hurry, self.no, self.phished_link, self.other_client, self.lapsed, self.guessed_code]

    def hurry(self) -> Refusal:
        """Two polls at once. The client itself keeps the interval, and makes it longer when it is told so."""
        device = self._ask()
        self._poll(device, "authorization_pending")
        self._poll(device, "slow_down")
        self._slowed_down.clear()
        with ThreadPoolExecutor(1) as threads:
            began = time.monotonic()
            waiting = threads.submit(
                self._client.wait, device
            )  # its first poll is too early for the bank, too
            self._slowed_down.wait(10)
            connect_device(self._phone, device)
            waiting.result()
        waited = time.monotonic() - began
        require(waited > device.interval + 5, f"the client waited no more than {waited:.1f} s")
        error = f"slow_down; the television, told the same, paused 5 s longer, and had its tokens after {waited:.0f} s"
        return Refusal("polling too fast", "400", error, "RFC 8628 3.5")

    def no(self) -> Refusal:
        """The customer refuses on the consent page."""
        device = self._ask()
        connect_device(self._phone, device, decision="deny")
        return self._denied("the customer says no", self._client, device, "RFC 8628 3.5")

    def phished_link(self) -> Refusal:
        """The attacker starts a device, and sends the customer, who is signed in, its link."""
        device = self._mallory.device(scope="openid accounts", resources=[self.world.accounts_resource])
        page = self._phone.open(device.verification_uri_complete or "")
        for words in ("Mallory Ltd", device.user_code, "127.0.0.1"):
            require(words in page.text, f"the page shows {words}: {page.text}")
        code = poll_once(self._mallory, self._mallorys_http, device)
        require(code == "authorization_pending", f"the link alone decides nothing, but {code} came")
        self._phone.submit(press="no")
        return self._denied("a phished link: it still asks", self._mallory, device, "RFC 8628 5.4")

    def other_client(self) -> Refusal:
        """Another client of the bank has the device_code of a television that the customer approved."""
        device = self._ask()
        connect_device(self._phone, device)
        stolen = replace(device, dpop=new_dpop_key(self._mallory.bank))
        code = poll_once(self._mallory, self._mallorys_http, stolen)
        require(code == "invalid_grant", f"invalid_grant is the answer, not {code}")
        self._client.wait(device)  # the television gets its tokens nevertheless
        return Refusal("another client's device_code", "400", code, "RFC 8628 3.4")

    def lapsed(self) -> Refusal:
        """The bank's clock decides, so this waits for the rest of the code's short life."""
        time.sleep(max(0.0, self._lapsing.expires_at - time.time()) + 1)
        self._poll(self._lapsing, "expired_token")
        return Refusal("a code that nobody typed in time", "400", "expired_token", "RFC 8628 3.5")

    def guessed_code(self) -> Refusal:
        statuses = []
        self._phone.open(self._lapsing.verification_uri)
        for _ in range(_GUESSES):
            page = self._phone.submit({"user_code": "BCDF-GHJK"})
            statuses.append(self._phone.status)
            if not page.forms:
                break
        require(statuses[-1] == 429, f"guessing is stopped by 429, not {statuses}: {page.text}")
        return Refusal("guessed codes", "429", page.text.partition("For developers: ")[2], "RFC 8628 5.1")

    def _overhear(self, response: httpx.Response) -> None:
        if error_of(response) == "slow_down":
            self._slowed_down.set()

    def _ask(self) -> DeviceAuthorization:
        return self._client.device(scope="openid profile accounts", resources=[self.world.accounts_resource])

    def _poll(self, device: DeviceAuthorization, expected: str) -> None:
        code = poll_once(self._client, self._http, device)
        require(code == expected, f"{expected} is the answer to this poll, not {code}")

    def _denied(self, title: str, client: Client, device: DeviceAuthorization, rule: str) -> Refusal:
        try:
            client.wait(device)
        except RequestDenied as error:
            return Refusal(title, "400", f"RequestDenied: {error.message}", rule)
        raise AssertionError(f"{title}: tokens came")
