"""Everything that attacks share: the toolkit as shipped, the naive parts, and two people with browsers.

All of it listens on real sockets with TLS. It is started when it is first used, and once. An attack that would spoil it
for others starts its own with `fresh`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import Any, Self, TypeVar, overload

import httpx

import asgi_mw
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.visits import trusting
from askit.throwaway_tls import ClientCertificateFiles, TlsFiles
from examples.attack_lab.answers import Refused
from examples.attack_lab.browser import Browser
from examples.attack_lab.chromium import Chromium, Tab
from examples.attack_lab.ecosystem import APP, Ecosystem, ecosystem
from examples.attack_lab.hostnames import PENNY, certificate
from examples.attack_lab.mallory import PATHS, HostileBank, MallorysSite
from examples.attack_lab.naive.api import NaiveApi
from examples.attack_lab.naive.bank import NaiveBank
from examples.attack_lab.naive.client import NaiveClient
from examples.attack_lab.naive.site import naive_site
from examples.attack_lab.naive.web_site import NaiveWebSite
from examples.attack_lab.refusals import quiet
from examples.attack_lab.street import Closing, Place, Street
from fapikit import HttpSettings, PublicClient, ask_for_client_certificates, read_certificates, server_context
from fapikit.clock import Clock, system_clock
from fapikit.io.tls import client_context
from rpkit import Client
from rskit import Issuer, ResourceServer

B = TypeVar("B", bound=NaiveBank)
W = TypeVar("W", bound=NaiveWebSite)


class Lab:
    """A context manager. `http` is an HTTP client that trusts the lab's certificates, and follows no redirects."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._shared: dict[str, Ecosystem] = {}
        self._passing: list[str] = []
        self._play = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(quiet())
        self._hosts = self._stack.enter_context(closing(Hosts()))
        folder = self._hosts.directory
        self.ca = self._hosts.ca
        local, self._named = (
            TlsFiles(self.ca, folder / "server.pem", folder / "server.key"),
            certificate(folder),
        )
        self.street = self._stack.enter_context(closing(Street(local, self._named)))
        self.http = self._http()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def tls(self) -> ssl.SSLContext:
        """A client's TLS context that trusts the lab's certificates."""
        return trusting(self.ca)

    def tls_with(self, certificate: ClientCertificateFiles) -> ssl.SSLContext:
        """The same, for a client that shows a certificate."""
        context = client_context(ca=self.ca)
        context.load_cert_chain(*certificate)
        return context

    def tls_asking_for_certificates(self, *registered: bytes) -> ssl.SSLContext:
        """A server's TLS context that asks for client certificates of the authority that the shipped banks trust.

        `registered`, DER: further ones that it accepts.
        """
        folder = self._hosts.directory
        context = server_context(folder / "server.pem", folder / "server.key")
        authority = read_certificates(self._hosts.client_authority.file)
        ask_for_client_certificates(context, [*authority, *registered])
        return context

    # Servers that live as long as a play.

    def serve(
        self,
        app: Any,
        place: Place | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        closing: Closing | None = None,
    ) -> str:
        """Serve an ASGI app until the play is over. Returns its origin. `closing` is awaited at the end."""
        self._passing.append(self.street.serve(app, place, tls=tls, closing=closing))
        return self._passing[-1]

    def protect(
        self,
        app: Any,
        issuer: str,
        *,
        place: Place | None = None,
        tls: ssl.SSLContext | None = None,
        **settings: Any,
    ) -> str:
        """Serve an ASGI app of the attack's own behind `asgi_mw.Protect`. Returns its origin.

        `issuer`: whose tokens it takes. `settings`: those of `rskit.ResourceServer`. Its resource is the origin and a
        slash.
        """
        place = place or Place()
        own: dict[str, Any] = {
            "resource": f"{place.origin}/",
            "issuers": [Issuer(issuer)],
            "http": HttpSettings(ca=self.ca),
        }
        server = ResourceServer(**{**own, **settings})
        self._passing.append(
            self.street.serve(
                asgi_mw.Protect(app, server), place, tls=tls, closing=server.async_driver.aclose
            )
        )
        return place.origin

    @contextmanager
    def one_play(self) -> Iterator[Lab]:
        """After the block, what `serve` started in it is gone, and so are the tabs of the browser."""
        try:
            with ExitStack() as self._play:
                yield self
        finally:
            self.street.end(self._passing)
            self._passing.clear()

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

    def _http(self) -> httpx.Client:
        client = httpx.Client(verify=self.tls, trust_env=False, timeout=10)
        return self._stack.enter_context(client)

    @cached_property
    def _chromium(self) -> Chromium:
        certificates = (self._hosts.directory / "server.pem", self._named.certificate)
        return self._stack.enter_context(closing(Chromium(certificates)))

    def chromium(self) -> Tab:
        """A new tab of a real browser, with no cookies yet. Raises FileNotFoundError if this machine has none."""
        return self._play.enter_context(self._chromium.tab())

    def browser(self) -> Browser:
        """A new browser without a screen, with no cookies yet."""
        return Browser(self._http())

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
