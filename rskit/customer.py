"""What a client says about its customer: from which address, and when the customer last signed in there.

It is the client's word. It decides nothing here, and no request is refused for it.

Spec: FAPI1-BL 6.2.1-13, 6.2.2-3, 6.2.2-4
Role: RS
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from fapikit.http_message import read_http_date
from rskit.answers.trace import LOGGER

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IP_ADDRESS: Final = "x-fapi-customer-ip-address"
_AUTH_DATE: Final = "x-fapi-auth-date"


@dataclass(frozen=True, slots=True)
class Customer:
    """`ip_address`: the customer's, while it is there. `auth_date`: when it last signed in at the client.

    Each is None if it was not sent, or cannot be read.
    """

    ip_address: IpAddress | None = None
    auth_date: datetime | None = None


def customer_of(headers: Mapping[str, str]) -> Customer:
    """From the headers of a request, as Starlette, Flask and Django have them (names in any case)."""
    address, date = headers.get(_IP_ADDRESS), headers.get(_AUTH_DATE)
    return Customer(
        None if address is None else _read_address(address), None if date is None else _read_date(date)
    )


def _read_address(text: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        LOGGER.info("%s is no IPv4 or IPv6 address: it is not shown to the application", _IP_ADDRESS)
        return None


def _read_date(text: str) -> datetime | None:
    date = read_http_date(text)
    if date is None:
        LOGGER.info("%s is no date of HTTP: it is not shown to the application", _AUTH_DATE)
    return date
