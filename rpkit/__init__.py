"""The client side: sign users in at banks, and call their APIs, under a profile that is enforced.

Where is ...? A login: `login/`. One that is decided on another device: `decoupled/`. Tokens: `tokens/` and `grants/`.
Calls to an API: `api/`. Intents that are lodged first: `intents/`.
Registration: `registration/`. Web pages: `starlette`, `flask`, and what both share in `web/`.
One authorization server and the settings of one client at it: `bank`. Errors: `errors`.
"""

from fapikit.lodged_intents import IntentShape
from rpkit.api.claims_sources import ClaimsSource, SourcedClaims
from rpkit.api.detached_jws import DetachedJws
from rpkit.api.event_streams import EventStream
from rpkit.api.http_signatures import HttpSignatures
from rpkit.api.jwt_bodies import JwtBodies
from rpkit.api.managed_grants import GrantedScope, HeldByGrant
from rpkit.api.userinfo import UserInfo
from rpkit.async_client import AsyncClient
from rpkit.claims_providers import ClaimsProvider
from rpkit.client import Client
from rpkit.decoupled.binding_message import binding_message
from rpkit.decoupled.ciba_request import CibaRequest
from rpkit.decoupled.device_authorization import DeviceAuthorization
from rpkit.intents.bodies import (
    BerlinGroupConsent,
    BerlinGroupPayment,
    BrazilConsent,
    IntentBody,
    UkAccount,
    UkAccountAccess,
    UkDomesticPayment,
)
from rpkit.intents.lodged_intent import LodgedIntent
from rpkit.login.authorization_request import Start
from rpkit.login.id_token import IdToken
from rpkit.login.login import Login
from rpkit.login.report import Check, Evidence, LoginReport
from rpkit.login.transaction import Transaction
from rpkit.login.verified_claims import VerifiedClaims
from rpkit.login.verified_claims_request import verified_claims_request
from rpkit.registration.answer import Registration
from rpkit.registration.certificates import certificate_metadata
from rpkit.registration.keys import ClientKeys
from rpkit.registration.metadata_document import client_metadata_document
from rpkit.registration.signed_request import SignedRequest
from rpkit.registry import RegisteredBank, Registry
from rpkit.tokens.introspection import Introspection
from rpkit.tokens.token_set import AccessToken, TokenKey, TokenSet
from rpkit.tokens.token_store import TokenStore
from rpkit.web.backchannel_logout import LoggedOut
from rpkit.web.logout import LogoutStart, complete_logout
from rpkit.web.security_events import Signal

__all__ = [
    "AccessToken",
    "AsyncClient",
    "BerlinGroupConsent",
    "BerlinGroupPayment",
    "BrazilConsent",
    "Check",
    "CibaRequest",
    "ClaimsProvider",
    "ClaimsSource",
    "Client",
    "ClientKeys",
    "DetachedJws",
    "DeviceAuthorization",
    "EventStream",
    "Evidence",
    "GrantedScope",
    "HeldByGrant",
    "HttpSignatures",
    "IdToken",
    "IntentBody",
    "IntentShape",
    "Introspection",
    "JwtBodies",
    "LodgedIntent",
    "LoggedOut",
    "Login",
    "LoginReport",
    "LogoutStart",
    "RegisteredBank",
    "Registration",
    "Registry",
    "Signal",
    "SignedRequest",
    "SourcedClaims",
    "Start",
    "TokenKey",
    "TokenSet",
    "TokenStore",
    "Transaction",
    "UkAccount",
    "UkAccountAccess",
    "UkDomesticPayment",
    "UserInfo",
    "VerifiedClaims",
    "binding_message",
    "certificate_metadata",
    "client_metadata_document",
    "complete_logout",
    "verified_claims_request",
]
