"""A sign-in without the fintech's pages: its client in this process, and a browser that approves every request."""

from __future__ import annotations

from typing import Any

from examples.demo.bank import PASSWORD, USERNAME
from examples.demo.browser import Browser
from examples.demo.choices import WEB
from examples.demo.client import authentication, keys_of, options
from examples.demo.world import CLIENT_ID, OTHER_CLIENT_ID, World, payment
from fapikit import HttpSettings, KeyRing
from rpkit import Client, ClientKeys, Start


def fintech_client(
    world: World, http: HttpSettings, *, client_id: str = CLIENT_ID, **more: Any
) -> Client:
    """The fintech's own client, sync, in this process. `more`: options besides the demo's choices."""
    keys = keys_of(world)
    return Client.discover(
        world.bank,
        client_id=client_id,
        auth=authentication(world, keys),
        redirect_uri=world.redirect_uri if world.flow == WEB else None,
        profile=world.profile,
        http=http,
        **{**options(world, keys), **more},
    )


def mallorys_client(world: World, http: HttpSettings) -> Client:
    """The client of somebody else who is registered at the bank too."""
    keys = ClientKeys(KeyRing(world.key_of(OTHER_CLIENT_ID)))
    return Client.discover(
        world.bank,
        client_id=OTHER_CLIENT_ID,
        auth=keys.auth,
        profile=world.profile,
        http=http,
        **options(world, keys),
    )


def begin_payment(client: Client, world: World) -> Start:
    return client.begin(
        scope="openid accounts payments",
        resources=[world.accounts_resource, world.payments_resource],
        authorization_details=[payment()],
    )


def approve(world: World, url: str, name: str = "victim") -> str:
    """Sign in and approve. Returns the URL that the browser is redirected to, and does not open it."""
    browser = Browser(world, name)
    page = browser.open(url)
    if "username" in page.forms[0].fields:
        browser.submit({"username": USERNAME, "password": PASSWORD})
    browser.submit(press="approve", stop_at=world.redirect_uri)
    browser.close()
    return browser.url
