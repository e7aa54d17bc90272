"""Where the lab plays: certificates, and servers on real sockets with TLS, in this process and in others."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import Any, Self

import httpx

import asgi_mw
from askit.pytest_plugin.hosts import Hosts
from askit.pytest_plugin.visits import trusting
from askit.throwaway_tls import ClientCertificateFiles, TlsFiles
from examples.attack_lab.hostnames import certificate
from examples.attack_lab.nginx import nginx
from examples.attack_lab.refusals import quiet
from examples.attack_lab.second_process import SecondProcess
from examples.attack_lab.street import Closing, Place, Street
from fapikit import HttpSettings, ask_for_client_certificates, read_certificates, server_context
from fapikit.io.tls import client_context
from rskit import Issuer, ResourceServer


class Grounds:
    """A context manager. `http` is an HTTP client that trusts its certificates, and follows no redirects.

    `ca`: whom to trust for that. `local`: the certificate of localhost, under it.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._passing: list[str] = []
        self._play = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(quiet())
        self._hosts = self._stack.enter_context(closing(Hosts()))
        folder = self._hosts.directory
        self.ca = self._hosts.ca
        self.local = TlsFiles(self.ca, folder / "server.pem", folder / "server.key")
        self._named = certificate(folder)
        self.street = self._stack.enter_context(closing(Street(self.local, self._named)))
        self.http = self.new_http()
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

    def new_http(self) -> httpx.Client:
        """A new HTTP client that trusts the lab's certificates, with no cookies yet."""
        client = httpx.Client(verify=self.tls, trust_env=False, timeout=10)
        return self._stack.enter_context(client)

    # Servers. Those of `serve`, `protect` and `nginx` live as long as a play.

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

    def serve_elsewhere(self, factory: Callable[..., Any], **settings: Any) -> str:
        """Serve an ASGI app in a second process, until the lab is over. Returns its origin.

        `factory`: a function of a module, called there with `settings`, which JSON must be able to hold.
        """
        return self._second_process.serve(factory, **settings)

    @cached_property
    def _second_process(self) -> SecondProcess:
        return self._stack.enter_context(closing(SecondProcess(self.local)))

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

    def nginx(self, example: str, api: str, *more: str) -> str:
        """nginx in front of an API until the play is over, as a file of `examples/proxies` says. Returns its origin.

        `more`: further lines of its configuration.
        """
        return self._play.enter_context(nginx(example, api, *more, tls=self._hosts.directory))

    @contextmanager
    def one_play(self) -> Iterator[Self]:
        """After the block, what `serve` started in it is gone, and so are the tabs of the browser."""
        try:
            with ExitStack() as self._play:
                yield self
        finally:
            self.street.end(self._passing)
            self._passing.clear()
