"""A sign-in without the fintech's pages: its client in this process, and a browser that approves every request."""

from __future__ import annotations

from typing import Any

from examples.demo.bank import EMAIL, PASSWORD, USERNAME
from examples.demo.banks import OLD_MILL, Bank
from examples.demo.browser import Browser, Page
from examples.demo.choices import BY_BROWSER
from examples.demo.client import authentication, keys_of, options
from examples.demo.payment import payment
from examples.demo.walks.step import require
from examples.demo.world import OTHER_CLIENT_ID, World
from fapikit import HttpSettings, KeyRing
from fapikit.errors import PeerRefused
from fapikit.io import SyncDriver
from rpkit import CibaRequest, Client, ClientKeys, DeviceAuthorization, Start, binding_message
from rpkit.decoupled.request import DecoupledRequest


def fintech_client(
    world: World, http: HttpSettings, *, bank: Bank = OLD_MILL, client_id: str = "", **more: Any
) -> Client:
    """The fintech's own client of a bank, sync, in this process. `more`: options besides the demo's choices."""
    keys = keys_of(world)
    return Client.discover(
        world.issuer_of(bank),
        client_id=client_id or bank.client_id,
        auth=authentication(world, keys),
        redirect_uri=world.redirect_uri_of(bank) if world.flow in BY_BROWSER else None,
        profile=world.profile,
        http=http,
        **{**options(world, keys), **more},
    )


def mallorys_client(world: World, http: HttpSettings, **more: Any) -> Client:
    """The client of somebody else who is registered at the bank too."""
    keys = ClientKeys(KeyRing(world.key_of(OTHER_CLIENT_ID)))
    return Client.discover(
        world.bank,
        client_id=OTHER_CLIENT_ID,
        auth=keys.auth,
        redirect_uri=world.redirect_uri if world.flow in BY_BROWSER else None,
        profile=world.profile,
        http=http,
        **{**options(world, keys), **more},
    )


def poll_once(client: Client, http: HttpSettings, request: DecoupledRequest) -> str:
    """One poll right now, however soon it comes. Returns the bank's error code, or "tokens"."""
    try:
        SyncDriver(http).run(request.redeem(client.bank, None))
    except PeerRefused as error:
        return error.peer_code
    return "tokens"


def begin_payment(client: Client, world: World) -> Start:
    return client.begin(
        scope="openid accounts payments",
        resources=[world.accounts_resource, world.payments_resource],
        authorization_details=[payment()],
    )


def connect_device(phone: Browser, device: DeviceAuthorization, *, decision: str = "approve") -> None:
    """Open the link of a device on the phone, say that the device is here, and decide."""
    phone.open(device.verification_uri_complete or device.verification_uri)
    page = phone.submit(press="yes")
    if "username" in page.forms[0].fields:
        phone.submit({"username": USERNAME, "password": PASSWORD})
    phone.submit(press=decision)


def ask_customer(client: Client, world: World, **more: Any) -> CibaRequest:
    """Ask alice for one payment, on her phone."""
    return client.ciba(
        scope="openid payments",
        login_hint=EMAIL,
        binding_message=binding_message(),
        resources=[world.payments_resource],
        authorization_details=[payment()],
        **more,
    )


def decide_on_phone(phone: Browser, world: World, message: str, *, decision: str = "approve") -> Page:
    """Open the bank's page on the phone, and decide about the newest request. Returns the page that was shown."""
    page = phone.open(f"{world.bank}/authentication_device")
    if "username" in page.forms[0].fields:
        page = phone.submit({"username": USERNAME, "password": PASSWORD})
    require(message in page.text, f"the phone shows {message}: {page.text}")
    phone.submit(press=decision)
    return page


def approve(world: World, url: str, name: str = "victim", *, bank: Bank = OLD_MILL) -> str:
    """Sign in and approve. Returns the URL that the browser is redirected to, and does not open it."""
    browser = Browser(world, name)
    page = browser.open(url)
    if "username" in page.forms[0].fields:
        browser.submit({"username": USERNAME, "password": PASSWORD})
    browser.submit(press="approve", stop_at=world.redirect_uri_of(bank))
    browser.close()
    return browser.url
