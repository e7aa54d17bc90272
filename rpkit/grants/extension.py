"""Any other grant by its `grant_type`, such as a SAML assertion. Grants that RFC 9700 forbids are refused.

Spec: RFC 6749 4.5; RFC 9700 2.1.2, 2.4; FAPI2-SP 5.3.2.1-2
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fapikit.errors import ConfigurationError
from fapikit.flow import Flow
from fapikit.secrets import Concealed, Secret
from fapikit.urns import DEVICE_CODE
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.errors import RetiredGrant
from rpkit.tokens.dpop_signer import new_dpop_key
from rpkit.tokens.token_endpoint import request_tokens
from rpkit.tokens.token_set import TokenKey, TokenSet, first_token_set

_RETIRED: Final = {
    "password": "a client must never see the password of a user. Use begin()",
    "implicit": "access tokens must not pass through the browser. Use begin()",
}
_OWN_METHOD: Final = {
    "authorization_code": "complete",
    "refresh_token": "refresh",
    "client_credentials": "client_credentials",
    DEVICE_CODE: "device",
}


def extension_grant(
    bank: Bank,
    grant_type: str,
    *,
    scope: str | None = None,
    resource: str | None = None,
    parameters: Concealed[Mapping[str, str]],
) -> Flow[TokenSet]:
    """Raises RetiredGrant, ConfigurationError before the call; then the errors of `request_tokens`."""
    if grant_type in _RETIRED:
        raise RetiredGrant(
            f"the {grant_type} grant is forbidden: {_RETIRED[grant_type]}",
            clause="RFC 9700 2.1.2, 2.4",
            facts={"grant_type": grant_type},
        )
    if grant_type in _OWN_METHOD:
        raise ConfigurationError(
            f"grant_type {grant_type} has a method of its own: use {_OWN_METHOD[grant_type]}()",
            clause="RFC 6749 4.5",
        )
    form: Form = tuple((name, Secret(value)) for name, value in parameters.reveal().items())
    if scope is not None:
        form = (*form, ("scope", scope))
    dpop = new_dpop_key(bank)
    response = yield from request_tokens(
        bank, grant_type, form, dpop=dpop, resource=resource, asked_scope=scope
    )
    now = bank.now()
    return first_token_set(
        response.access_token_at(now, resource=resource, scope=scope or ""),
        key=TokenKey(bank.random_string(), bank.issuer),
        client_id=bank.settings.client_id,
        subject=None,
        refresh_token=response.refresh_token,
        dpop=dpop,
        id_token_claims={},
        further_members=response.further_members,
        received_at=now,
    )
