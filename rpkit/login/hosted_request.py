"""Request objects that a server fetches from this client: each under its own name, for a short while, for one fetch.

The URI that goes through the browser carries the hash of what the server will find there, so that nobody can put
another request in its place.

Spec: RFC 9101 5.2, 5.2.1; FAPI1-ADV 5.2.3-2; RFC 9700 2.1c
Role: C
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from fapikit import base64url
from fapikit.errors import ConfigurationError, StoreFull
from fapikit.flow import Flow, call, store_add, store_put, store_take
from fapikit.secrets import Concealed, Secret
from fapikit.urls import is_secure
from rpkit.bank import Bank
from rpkit.request_settings import HASH, MAX_REQUEST_URI

FETCHED_WITHIN: Final = 60.0
"""Seconds: the server fetches when the browser arrives there."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{22,128}\Z")
_TRIES: Final = 16
"""How many addresses of a list are asked whether they are free."""
_DEADLINE: Final = 10.0
"""Seconds that the application's function has."""


def host_request(bank: Bank, request_object: Secret) -> Flow[str]:
    """Keep a request object for its server to fetch; the `request_uri` for the browser.

    Raises StoreError: StoreFull where no address of a list is free; ConfigurationError, TimeoutError and whatever it
    raises itself for the application's function.
    """
    hosted = bank.settings.hosted_requests
    octets = Concealed(request_object.reveal().encode())
    if isinstance(hosted, str):
        name = bank.random_string()
        address = f"{hosted.rstrip('/')}/{name}"
        yield from store_put(bank.settings.store, _key(name), octets.reveal(), FETCHED_WITHIN)
    elif isinstance(hosted, Sequence):
        address = yield from _free_address(bank, hosted, octets)
    else:
        assert hosted is not None  # noqa: S101 - the caller looked
        address = yield from call(hosted, request_object.reveal(), deadline=_DEADLINE)
        _require_fetchable(address)
    return f"{address}#{base64url.encode(hashlib.sha256(octets.reveal()).digest())}"


def take_hosted_request(bank: Bank, name: str) -> Flow[str | None]:
    """The request object of this name, once; None where there is none, or no longer. Raises StoreError."""
    if not _NAME.match(name):
        return None
    octets = yield from store_take(bank.settings.store, _key(name))
    return None if octets is None else octets.decode("ascii")


def _free_address(bank: Bank, addresses: Sequence[str], octets: Concealed[bytes]) -> Flow[str]:
    first = int.from_bytes(bank.settings.random_bytes(8)) % len(addresses)
    for address in (*addresses[first:], *addresses[:first])[:_TRIES]:
        key = _key(address.rpartition("/")[2])
        if (yield from store_add(bank.settings.store, key, octets.reveal(), FETCHED_WITHIN)):
            return address
    raise StoreFull(
        "the addresses of hosted_requests hold requests that no server has fetched yet: register more of them",
        facts={"addresses": len(addresses)},
    )


def _key(name: str) -> str:
    return f"rp:request:{name}"


def _require_fetchable(address: object) -> None:
    if (
        not isinstance(address, str)
        or not is_secure(address)
        or "#" in address
        or len(address) + HASH > MAX_REQUEST_URI
    ):
        raise ConfigurationError(
            "the function given as hosted_requests returns the https URL of the request that it stored, without"
            f" fragment, of at most {MAX_REQUEST_URI - HASH} characters",
            clause="RFC 9101 5.2",
        )
