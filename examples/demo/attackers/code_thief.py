"""The attacker in the browser, under FAPI 1 Baseline: with a code, and a whole answer, of another user's sign-in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

from examples.demo.attackers.refusal import Refusal
from examples.demo.client import certificate_of
from examples.demo.customer import approve, begin_payment, fintech_client
from examples.demo.trace import Recorder
from examples.demo.world import World
from fapikit import FapiError
from rpkit import Start


class CodeThief:
    """Uses codes in sign-ins to which they do not belong."""

    title = "Two sign-ins begin; an attacker swaps what comes back:"

    def __init__(self, world: World) -> None:
        self.world = world
        self._client = fintech_client(world, Recorder(world, "victim").settings(certificate_of(world)))

    def prepare(self) -> None:
        self._one, self._other = self._sign_in(), self._sign_in()

    def attacks(self) -> list[Callable[[], Refusal]]:
        return [self.state_of_another_browser, self.swapped_code]

    def state_of_another_browser(self) -> Refusal:
        """The whole answer of one sign-in is sent to the client by the browser of another sign-in."""
        (start, _), (_, answer) = self._one, self._other
        return self._answered("an answer for another browser", start, answer, "FAPI1-BL 5.2.3-6")

    def swapped_code(self) -> Refusal:
        """Only the code is swapped: the client cannot detect it, but the bank requires the PKCE verifier."""
        (start, answer), (_, other) = self._one, self._other
        return self._answered(
            "a code swapped for another's", start, {**answer, "code": other["code"]}, "RFC 7636 4.6"
        )

    def _sign_in(self) -> tuple[Start, dict[str, str]]:
        start = begin_payment(self._client, self.world)
        callback = approve(self.world, start.url)
        return start, {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}

    def _answered(self, title: str, start: Start, parameters: dict[str, str], rule: str) -> Refusal:
        try:
            self._client.complete(
                f"{self.world.redirect_uri}?{urlencode(parameters)}",
                start.transaction,
                resource=self.world.accounts_resource,
            )
        except FapiError as error:
            return Refusal(title, "refused", f"{type(error).__name__}: {error.message}", rule)
        raise AssertionError(f"{title} was accepted")
