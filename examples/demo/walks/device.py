"""A television shows a code, the customer types it on a phone and agrees, and the television reads the accounts."""

from __future__ import annotations

from contextlib import suppress

from examples.demo.bank import LIFETIME, PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.client import certificate_of
from examples.demo.customer import fintech_client
from examples.demo.trace import Recorder
from examples.demo.walks.discovery import require_discovery
from examples.demo.walks.step import Step, require
from examples.demo.world import World
from fapikit import FapiError
from fapikit.errors import ConfigurationError
from rpkit import DeviceAuthorization, Login


class DeviceWalk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.phone = Browser(world, "phone")
        self._recorder = Recorder(world, "television")
        self._client = fintech_client(world, self._recorder.settings(certificate_of(world)))

    def steps(self) -> list[Step]:
        return [
            Step("discovery: RFC 8414 and OIDC, the issuer checked", self.discovery),
            Step("the television asks the bank for a code, and shows it", self.show),
            Step(
                "the customer types the code on a phone, as people do: the page says who asks, and from where",
                self.type,
            ),
            Step("the customer has this television in front of him, signs in, and agrees", self.agree),
            Step(
                "the television's poll brings tokens bound to its key; the ID token verified in full",
                self.wait,
            ),
            Step("GET /accounts from the television", self.accounts),
            Step("the customer ends it on the bank's page: the television gets no token any more", self.end),
        ]

    def discovery(self) -> None:
        require_discovery(self.world, "television")

    def show(self) -> str:
        self._device: DeviceAuthorization = self._client.device(
            scope="openid profile accounts", resources=[self.world.accounts_resource]
        )
        shown = f"Open {self._device.verification_uri} and enter {self._device.user_code}"
        shown += f"\n(Shortened for this demo: codes live for {LIFETIME} s, and are polled for every second.)"
        with suppress(ConfigurationError):  # the extra `qr` may not be installed
            shown += "\n" + self._device.qr_text().rstrip()
        return shown.replace("\n", "\n      ")

    def type(self) -> None:
        self.phone.open(self._device.verification_uri)
        page = self.phone.submit({"user_code": self._device.user_code.replace("-", " ").lower()})
        for words in ("Penny Television", self._device.user_code, "127.0.0.1"):
            require(words in page.text, f"the page shows {words}: {page.text}")

    def agree(self) -> None:
        self.phone.submit(press="yes")
        page = self.phone.submit({"username": USERNAME, "password": PASSWORD})
        require("See your accounts" in page.text, f"the consent page shows what is asked for: {page.text}")
        page = self.phone.submit(press="approve")
        require(not page.forms, f"the phone is done: {page.text}")

    def wait(self) -> None:
        self._login: Login = self._client.wait(self._device)
        checks = str(self._login.report)
        for check in ("signature", "iss", "aud", "exp", "iat", "at_hash"):
            require(f"ID token: {check}" in checks, f"the report lists the ID token's {check}: {checks}")

    def accounts(self) -> None:
        url = self.world.accounts_resource
        with self._client.api(self._login.tokens, base_url=url, resource=url) as api:
            answer = api.get(url)
        require("DE89370400440532013000" in answer.text, f"the accounts are shown: {answer.text}")

    def end(self) -> str:
        page = self.phone.open(f"{self.world.bank}/grants")
        require("Penny Television" in page.text, f"the bank lists what was granted: {page.text}")
        self.phone.submit()
        try:
            self._client.refresh(self._login.tokens)
        except FapiError as error:
            return f"{type(error).__name__}: {error.message}"
        raise AssertionError("the television could still refresh its tokens")
