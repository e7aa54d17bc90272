"""Request objects that a server fetches from this client. Each has its own name, a short lifetime, and one fetch.

The fragment of the `request_uri` is the hash of the request object. So another request object cannot replace it.

Spec: RFC 9101 5.2, 5.2.1; FAPI1-ADV 5.2.3-2; RFC 9700 2.1c
Role: C
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from fapikit import base64url
from fapikit.errors import ConfigurationError, StoreFull
from fapikit.flow import Flow, call, store_add, store_put, store_take
from fapikit.secrets import Concealed, Secret
from fapikit.urls import is_secure
from rpkit.bank import Bank
from rpkit.request_settings import FRAGMENT, MAX_REQUEST_URI, UNGUESSABLE

FETCHED_WITHIN: Final = 60.0
"""In seconds. The server fetches the request object when the browser arrives at it."""
_TRIES: Final = 16
"""How many URLs of a list are tried."""
_DEADLINE: Final = 10.0
"""In seconds: the limit for the application's function."""


def host_request(bank: Bank, request_object: Secret) -> Flow[str]:
    """Store a request object for the server to fetch. Returns its `request_uri`.

    Raises StoreError; StoreFull if no URL of a list is free. For the application's function: ConfigurationError,
    TimeoutError, and the errors that the function raises.
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
        assert hosted is not None  # noqa: S101 - the caller has checked that
        address = yield from call(hosted, request_object.reveal(), deadline=_DEADLINE)
        _require_fetchable(address)
    return f"{address}#{base64url.encode(hashlib.sha256(octets.reveal()).digest())}"


def take_hosted_request(bank: Bank, name: str) -> Flow[str | None]:
    """The request object with this name. It is returned once; None if there is none any more. Raises StoreError."""
    if not UNGUESSABLE.match(name):
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
        "no URL of hosted_requests is free, because the server has not fetched their requests yet:"
        " register more request_uris, and add them to hosted_requests",
        facts={"addresses": len(addresses)},
    )


def _key(name: str) -> str:
    return f"rp:request:{name}"


def _require_fetchable(address: object) -> None:
    if (
        not isinstance(address, str)
        or not is_secure(address)
        or "#" in address
        or len(address) + FRAGMENT > MAX_REQUEST_URI
    ):
        raise ConfigurationError(
            "the function hosted_requests returned no usable URL: it must return the https URL of the request that it"
            f" stored, without fragment, of at most {MAX_REQUEST_URI - FRAGMENT} characters",
            clause="RFC 9101 5.2",
        )
