"""The FAPI 1 headers about the customer of an API call: the IP address, and the time of the last sign-in.

They are sent only if the application gives them. After CIBA it must not, unless the customer uses its own device.

Spec: FAPI1-BL 6.2.2-3, -4, -5; FAPI-CIBA 6.2-1
Role: C
"""

from __future__ import annotations

import ipaddress
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from fapikit.errors import ConfigurationError

INTERACTION: Final = "x-fapi-interaction-id"


def customer_headers(ip_address: str | None, auth_date: datetime | None) -> dict[str, str]:
    """`ip_address`: of the customer, if present. `auth_date`: when the customer last signed in to the client.

    Raises ConfigurationError for malformed values.
    """
    headers = {}
    if ip_address is not None:
        headers["x-fapi-customer-ip-address"] = _address(ip_address)
    if auth_date is not None:
        headers["x-fapi-auth-date"] = _http_date(auth_date)
    return headers


def interaction_id(given: str | None, random_bytes: bytes) -> str:
    """The id of a call that the application gave, or a new one. Raises ConfigurationError if it is not a UUID."""
    if not given:
        return str(uuid.UUID(bytes=random_bytes, version=4))
    try:
        well_formed = str(uuid.UUID(given)) == given.lower()
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ConfigurationError(
            f"{INTERACTION} is not a UUID: give str(uuid.uuid4()), or leave it out to have one made",
            clause="FAPI1-BL 6.2.2-5",
            facts={"got": given[:80]},
        )
    return given


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or getattr(address, "scope_id", None) is not None:
        raise ConfigurationError(
            "customer_ip_address is not an IP address: give one IPv4 or IPv6 address as text",
            clause="FAPI1-BL 6.2.2-4",
        )
    return str(address)


def _http_date(moment: datetime) -> str:
    if getattr(moment, "tzinfo", None) is None:
        raise ConfigurationError(
            "auth_date has no time zone: give a datetime with a time zone, such as datetime.now(UTC)",
            clause="FAPI1-BL 6.2.2-3",
        )
    return format_datetime(moment.astimezone(UTC), usegmt=True)
