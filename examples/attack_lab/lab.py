"""Everything that attacks share: the toolkit as shipped, the naive parts, and two people with browsers.

All of it listens on real sockets with TLS. It is started when it is first used, and once. An attack that would spoil it
for others starts its own with `fresh`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any, TypeVar, overload

from examples.attack_lab.answers import Refused
from examples.attack_lab.browser import Browser
from examples.attack_lab.chromium import Chromium, Tab
from examples.attack_lab.ecosystem import APP, Ecosystem, ecosystem
from examples.attack_lab.grounds import Grounds
from examples.attack_lab.hostnames import PENNY
from examples.attack_lab.mallory import PATHS, HostileBank, MallorysSite
from examples.attack_lab.naive.api import NaiveApi
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.naive.site import naive_site
from examples.attack_lab.naive.web_site import NaiveWebSite
from examples.attack_lab.street import Place
from fapikit import HttpSettings, PublicClient
from fapikit.clock import Clock, system_clock
from rpkit import Client

B = TypeVar("B", bound=NaiveBank)
W = TypeVar("W", bound=NaiveWebSite)


class Lab(Grounds):
    """A context manager. `http` is an HTTP client that trusts the lab's certificates, and follows no redirects."""

    def __init__(self) -> None:
        super().__init__()
        self._shared: dict[str, Ecosystem] = {}

    # The toolkit as shipped.

    def under(self, profile: str) -> Ecosystem:
        """The shared ecosystem under a profile, such as `fapi2-security`."""
        if profile not in self._shared:
            self._shared[profile] = self._stack.enter_context(self.fresh(profile))
        return self._shared[profile]

    @contextmanager
    def fresh(
        self, profile: str, *, clock: Clock = system_clock, redirect_uri: str | None = None, **settings: Any
    ) -> Iterator[Ecosystem]:
        """An ecosystem of the attack's own. `settings`: those of the bank, by the keys of its configuration file.

        `clock`: such as a `MovableClock` of `askit.pytest_plugin`. `redirect_uri`: the fintech's, for an attack that
        serves its pages.
        """
        own, mallorys = self._redirect_uris
        parts = self._hosts, self.street, profile
        redirect_uris = (redirect_uri or own, mallorys)
        with ecosystem(*parts, redirect_uris=redirect_uris, clock=clock, **settings) as made:
            yield made

    # The naive parts.

    @overload
    def naive_bank(self) -> NaiveBank: ...
    @overload
    def naive_bank(self, kind: type[B], *, tls: ssl.SSLContext | None = None) -> B: ...
    def naive_bank(self, kind: type[Any] = NaiveBank, *, tls: ssl.SSLContext | None = None) -> Any:
        """A new bank that checks next to nothing, with its naive API at `/accounts` and `/payments`.

        `kind`: a subclass with the faults that the attack needs.
        """
        place = Place()
        bank = kind(place.origin, redirect_uris=self._redirect_uris)
        self.serve(NaiveApi(bank, bank.app), place, tls=tls)
        return bank

    def naive_web_site(self, kind: type[W], bank: NaiveBank) -> tuple[W, str]:
        """The fintech's web site at `PENNY`, for a real browser, and its origin. `kind`: with the faults needed."""
        place = Place(host=PENNY)
        bank.redirect_uris.append(f"{place.origin}/callback")
        client = NaiveClient(self.http, f"{place.origin}/callback")
        client.choose(bank.issuer)
        site = kind(client, bank)
        self.serve(site.app, place)
        return site, place.origin

    def app_at(self, bank: NaiveBank | HostileBank, **options: Any) -> Client:
        """The toolkit's client, as an app without a secret, at a naive bank: nothing but the client defends.

        `options`: those of rpkit. The profile is oauth-2.1 unless they name another.
        """
        own: dict[str, Any] = {
            "client_id": APP,
            "auth": PublicClient(),
            "redirect_uri": f"{self.fintech_site}/callback",
            "profile": "oauth-2.1",
            "sender_constraint": None,
            "http": HttpSettings(ca=self.ca),
        }
        client = Client.discover(bank.issuer, **{**own, **options})
        self._stack.callback(client.close)
        return client

    @cached_property
    def fintech_site(self) -> str:
        """The origin of the fintech's web site. Its `/callback` shows a page, its `/go` is an open redirector."""
        return self.street.serve(naive_site())

    @cached_property
    def mallory_ltd_site(self) -> str:
        """The origin of the web site of Mallory Ltd, a registered client."""
        return self.street.serve(self.mallory_ltd)

    @cached_property
    def mallory_ltd(self) -> MallorysSite:
        """That site: it keeps what reaches it."""
        return MallorysSite()

    @property
    def _redirect_uris(self) -> tuple[str, str]:
        return f"{self.fintech_site}/callback", f"{self.mallory_ltd_site}/callback"

    # Mallory's servers.

    def mallorys_site(self, host: str = "localhost") -> tuple[MallorysSite, str]:
        """A new site that keeps what reaches it, and its origin. `host`: one of `hostnames.py`, for a real browser."""
        site = MallorysSite()
        return site, self.serve(site, Place(host=host))

    def hotspot(self) -> tuple[MallorysSite, str]:
        """A hotspot of Mallory's. It keeps each request in clear text, answers it itself, and hands nothing on.

        Returns it with its URL, for the option `proxy` of httpx.
        """
        hotspot = MallorysSite()
        return hotspot, self.serve(hotspot, Place("http"))

    def hostile_bank(self, honest: Mapping[str, Any], *own: str, **further: Any) -> HostileBank:
        """A new bank of Mallory's with the metadata of an honest one.

        `own`: the endpoints that are its own, such as `token_endpoint`. The others are those of the honest bank.
        `further`: members that differ in another way.
        """
        place = Place()
        changes = {name: f"{place.origin}/{PATHS[name]}" for name in own}
        bank = HostileBank(place.origin, honest, {**changes, **further})
        self.serve(bank, place)
        return bank

    # People.

    @cached_property
    def _chromium(self) -> Chromium:
        certificates = (self._hosts.directory / "server.pem", self._named.certificate)
        return self._stack.enter_context(closing(Chromium(certificates)))

    def chromium(self) -> Tab:
        """A new tab of a real browser, with no cookies yet. Raises FileNotFoundError if this machine has none."""
        return self._play.enter_context(self._chromium.tab())

    def browser(self) -> Browser:
        """A new browser without a screen, with no cookies yet."""
        return Browser(self.new_http())

    def alice_signs_in(self, browser: Browser, url: str) -> str:
        """Alice opens a page of a shipped bank, and signs in there. Returns the text of the next page."""
        browser.open(url)
        return browser.submit({"username": "alice", "password": "wonderland"}).text

    def alice_opens(self, url: str, at: Ecosystem | None = None) -> str:
        """Alice follows a link: her browser follows redirects, she signs in at banks and approves.

        `at`: the ecosystem whose bank has pages. Returns the URL of the page where she ends, with its fragment. Raises
        Refused if a page says no.
        """
        for _ in range(10):
            if at is not None and url.startswith(at.bank.issuer):
                url = _browsed(at, url)
            answer = self.http.get(url)
            if answer.is_error:
                raise Refused(answer.status_code, " ".join(answer.text.split())[:300])
            if not answer.is_redirect:
                return url
            url = str(answer.next_request.url) if answer.next_request else url
        raise AssertionError("the pages redirect in a circle")


def _browsed(at: Ecosystem, url: str) -> str:
    try:
        ended = at.bank.browse(url)
    except AssertionError as error:  # the visitor of the bank's pages found no form
        raise Refused(400, str(error)) from None
    assert isinstance(ended, str), "this walk expects a redirect, not a form"
    return ended
