"""The authorization server of each bank: nothing but configuration for `python -m askit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from examples.demo.banks import Bank
from examples.demo.certificates import CLIENT_NAME
from examples.demo.choices import CIBA, CONSENTS, DEVICE, WEB
from examples.demo.client import keys_of
from examples.demo.consents import END_MEMBER, LODGED_AT, LODGED_TYPE, SCHEMA, TYPE
from examples.demo.payment import SCHEMA as PAYMENT_SCHEMA
from examples.demo.payment import TYPE as PAYMENT_TYPE
from examples.demo.world import (
    CLIENT_ID,
    OTHER_CLIENT_ID,
    PAYMENTS_API_ID,
    PINGED_CLIENT_ID,
    World,
    port_of,
)
from fapikit.grant_management import SCOPES
from fapikit.urns import CIBA as CIBA_GRANT
from fapikit.urns import DEVICE_CODE

USERNAME, PASSWORD, EMAIL = "alice", "correct horse battery staple", "alice@example.test"

LIFETIME = 20
"""Seconds that a user has to connect a device."""

_TOML = """\
issuer = "{issuer}"
name = "{title}"
profile = "{profile}"
listen = "127.0.0.1:{port}"
store = "memory:"
clients_file = "{party}.clients.json"
status_list_ttl = {status_list_ttl}
{flow}
[look]
accent = "{accent}"
logo = "{name}.svg"

[scopes]
accounts = "{see_accounts}"
payments = "Make the payment shown here, once"

[texts.ja]
scope_accounts = "{see_accounts_ja}"
scope_payments = "ここに表示された支払いを一度だけ行う"
type_{payment} = "支払い"

[tls]
certificate = "server.pem"
key = "server.key"
{client_ca}
[http]
ca = "ca.pem"

[[users]]
username = "{username}"
password = "{password}"
claims = {{ name = "{person}", email = "{email}", account = "{account}" }}

[[resources]]
uri = "{accounts}"
token_format = "jwt"
scopes = ["accounts"]

[[resources]]
uri = "{payments}"
token_format = "jwt"
scopes = ["payments"]
introspection_clients = ["{payments_api}"]

[[authorization_details_types]]
type = "{payment}"
name = "Payment"
resource = "{payments}"
schema = "{payment}.schema.json"
single_use = true
{types}"""

_TYPES = """
[[authorization_details_types]]
type = "{type}"
name = "Accounts of which it may see the balance"
resource = "{accounts}"
schema = "{type}.schema.json"
end_member = "{end_member}"

[[authorization_details_types]]
type = "{lodged}"
name = "Access to accounts"
resource = "{accounts}"
[authorization_details_types.lodged]
shape = "berlin-group-consent"
path = "{lodged_at}"
scope = "accounts"
"""

_SEE_ALL = "See your accounts and their balances", "口座と残高の参照"
_SEE_NAMED = "See the accounts that are named here, and no others", "ここに表示された口座だけの参照"
LONGEST = 180 * 86_400
"""Seconds that a customer may agree to at most; the app asks for less."""
STATUS_LIST_TTL = 2
"""Seconds after which an API that keeps a status list knows at the latest that a token has ended."""
STATUS_LIST_LAG = STATUS_LIST_TTL / 10
"""Seconds after which a bank has written the end of a token into its list."""
PATIENCE = STATUS_LIST_TTL + 8.0
"""Seconds for which a demo on a busy machine waits for that."""

_NAMES = {
    WEB: "Penny Fintech",
    DEVICE: "Penny Television",
    CONSENTS: "Penny Budget",
    CIBA: "Green Grocer Ltd",
}
_FLOWS = {
    # Short, so that nobody who watches has to wait.
    DEVICE: f"polling_interval = 1\ndevice_code_lifetime = {LIFETIME}\n",
    CIBA: "polling_interval = 1\n",
    CONSENTS: f"grant_lifetime = {LONGEST}\n",
}


def write_configuration(world: World, bank: Bank) -> Path:
    """Write the configuration of one bank, with its clients, schemas and logo. Returns the path of its TOML file."""
    world.path(f"{bank.party}.clients.json").write_text(json.dumps(_clients(world, bank), indent=1))
    world.path(f"{TYPE}.schema.json").write_text(json.dumps(SCHEMA, indent=1))
    world.path(f"{PAYMENT_TYPE}.schema.json").write_text(json.dumps(PAYMENT_SCHEMA, indent=1))
    world.path(f"{bank.name}.svg").write_text(bank.logo)
    see_accounts, see_accounts_ja = _SEE_NAMED if world.flow == CONSENTS else _SEE_ALL
    path = world.path(f"{bank.party}.toml")
    path.write_text(
        _TOML.format(
            issuer=world.issuer_of(bank),
            title=bank.title,
            party=bank.party,
            name=bank.name,
            accent=bank.accent,
            person=bank.person,
            account=bank.accounts[0].iban,
            payment=PAYMENT_TYPE,
            status_list_ttl=STATUS_LIST_TTL,
            profile=world.profile_name,
            port=port_of(world.issuer_of(bank)),
            username=USERNAME,
            password=PASSWORD,
            email=EMAIL,
            accounts=world.accounts_resource,
            payments=world.payments_resource,
            payments_api=PAYMENTS_API_ID,
            types=_types(world),
            see_accounts=see_accounts,
            see_accounts_ja=see_accounts_ja,
            flow=_FLOWS.get(world.flow, ""),
            client_ca='client_ca = "clients-ca.pem"\n' if world.choices.certificate else "",
        )
    )
    return path


def _types(world: World) -> str:
    """The types of the flow's own details."""
    if world.flow != CONSENTS:
        return ""
    return _TYPES.format(
        type=TYPE,
        end_member=END_MEMBER,
        lodged=LODGED_TYPE,
        lodged_at=LODGED_AT,
        accounts=world.accounts_resource,
    )


def _clients(world: World, bank: Bank) -> list[dict[str, Any]]:
    fintech = _fintech(world, bank)
    clients = [fintech, _payments_api(world)]
    if world.flow != WEB:
        clients.append(_mallory(world, fintech))
    if world.flow == CIBA:
        clients.append(
            {
                **fintech,
                "client_id": PINGED_CLIENT_ID,
                "backchannel_token_delivery_mode": "ping",
                "backchannel_client_notification_endpoint": world.notification_endpoint,
            }
        )
    return clients


def _fintech(world: World, bank: Bank) -> dict[str, Any]:
    key = world.key_of(CLIENT_ID)
    return {
        "client_id": bank.client_id,
        "client_name": _NAMES[world.flow],
        "scope": " ".join(_scopes(world)),
        "request_object_signing_alg": key.alg,
        "authorization_signed_response_alg": "ES256",
        "id_token_signed_response_alg": "ES256",
        "authorization_details_types": [TYPE, LODGED_TYPE] if world.flow == CONSENTS else [PAYMENT_TYPE],
        "jwks": keys_of(world).jwks(),
        "dpop_bound_access_tokens": world.binding == "dpop",
        "tls_client_certificate_bound_access_tokens": world.binding == "mtls",
        **_flow(world, bank, key.alg),
        **_sign_in(world),
    }


def _scopes(world: World) -> list[str]:
    own = [*SCOPES.values()] if world.flow == CONSENTS else ["payments"]
    return ["openid", "profile", "accounts", *own]


def _flow(world: World, bank: Bank, alg: str) -> dict[str, Any]:
    """The client metadata for the demo's flow."""
    match world.flow:
        case flow if flow == DEVICE:
            return {"grant_types": [DEVICE_CODE, "refresh_token"], "response_types": []}
        case flow if flow == CIBA:
            return {
                "grant_types": [CIBA_GRANT, "refresh_token"],
                "response_types": [],
                "backchannel_token_delivery_mode": "poll",
                "backchannel_authentication_request_signing_alg": alg,
            }
    # A client asks about its grants, and ends them, with a token of its own.
    own = ["client_credentials"] if world.flow == CONSENTS else []
    return {
        "redirect_uris": [world.redirect_uri_of(bank)],
        "grant_types": ["authorization_code", "refresh_token", *own],
        "response_types": ["code", "code id_token"] if world.hybrid else ["code"],
    }


def _mallory(world: World, fintech: dict[str, Any]) -> dict[str, Any]:
    """Another client of the bank, with the same rights and with keys of its own."""
    key = world.key_of(OTHER_CLIENT_ID)
    return {
        **{name: value for name, value in fintech.items() if not name.startswith("tls_client_auth")},
        "client_id": OTHER_CLIENT_ID,
        "client_name": "Mallory Ltd",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": key.alg,
        "jwks": {"keys": [dict(key.public_jwk)]},
    }


def _sign_in(world: World) -> dict[str, Any]:
    """The client metadata for the fintech's client authentication."""
    members = {"token_endpoint_auth_method": world.method}
    match world.method:
        case "private_key_jwt":
            members["token_endpoint_auth_signing_alg"] = world.key_of(CLIENT_ID).alg
        case "tls_client_auth":
            members["tls_client_auth_san_dns"] = CLIENT_NAME
        case "client_secret_jwt":
            members["token_endpoint_auth_signing_alg"] = "HS256"
            members["client_secret"] = world.path("client.secret").read_text()
    return members


def _payments_api(world: World) -> dict[str, Any]:
    key = world.key_of(PAYMENTS_API_ID)
    return {
        "client_id": PAYMENTS_API_ID,
        "client_name": "Payments API",
        "grant_types": [],
        "response_types": [],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": key.alg,
        "introspection_signed_response_alg": "ES256",
        "jwks": {"keys": [dict(key.public_jwk)]},
    }
