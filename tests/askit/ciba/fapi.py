"""A client of FAPI-CIBA: it signs its requests, and shows its certificate wherever tokens are made."""

from __future__ import annotations

from typing import Any

from tests.askit.bank import FINTECH, OTHER, Bank
from tests.askit.ciba.asking import APIS, SIGNING, Asking, asking
from tests.keys import a_key
from tests.mothers.certificates import Made, a_certificate

RSA = a_key("RS256", 1)
"""A second key of the client, of an algorithm that the profile does not have."""
CLIENT: dict[str, Any] = {
    **SIGNING,
    "jwks": {"keys": [*FINTECH["jwks"]["keys"], dict(RSA.public_jwk)]},
}
SECOND: dict[str, Any] = {**CLIENT, "client_id": "other", "client_name": "Fintech Two", "jwks": OTHER["jwks"]}
MINE = a_certificate()


def fapi_bank(client: dict[str, Any] = CLIENT, **changes: Any) -> Bank:
    return Bank(**{"profile": "fapi-ciba", "clients": [client, SECOND, *APIS], **changes})


def certified(bank: Bank, client_id: str = "fintech", shows: Made | None = MINE) -> Asking:
    """Its tokens are bound to the certificate, so it needs no DPoP proof."""
    certificates = () if shows is None else (shows,)
    return asking(bank, client_id, http=bank.browser(shows=certificates), proves=False)
