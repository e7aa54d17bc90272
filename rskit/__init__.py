"""Decides whether a request to an API may pass. It knows no framework: `asgi_mw` and `wsgi_mw` connect it to each.

Where is ...? The whole check: `resource_server`. The token: `tokens/`. Possession: `possession/`. What a route needs:
`access`. Which requests pass without a token: `policy/public_access`. One payment per consent: `consents/`. The reason
for a 401: `answers/challenge`, and in the log `answers/trace`.
"""

from typing import TYPE_CHECKING

from fapikit.late_names import late_names
from rskit.access import Access, any_of
from rskit.answers.cors import Cors
from rskit.answers.resource_metadata import ResourceDescription
from rskit.consents.details_type import DetailsType
from rskit.consents.ledger import ConsentLedger, NotExecuted, Reservation
from rskit.customer import Customer, customer_of
from rskit.decision import Allow, CannotDecide, Challenge
from rskit.issuers.issuer import Introspection, IntrospectionLimits, Issuer
from rskit.policy.current import current_token
from rskit.resource_server import ResourceServer
from rskit.revocation import Denylist
from rskit.tokens.token import Token

if TYPE_CHECKING:
    from rskit import presets
    from rskit.http_signatures.settings import HttpSignatures
    from rskit.issuers.status_lists import StatusLists
    from rskit.signals.receiver import SignalReceiver
    from rskit.signed_messages.clients import SigningClient
    from rskit.signed_messages.detached_jws import DetachedJws
    from rskit.signed_messages.jwt_bodies import JwtBodies

__all__ = [
    "Access",
    "Allow",
    "CannotDecide",
    "Challenge",
    "ConsentLedger",
    "Cors",
    "Customer",
    "Denylist",
    "DetachedJws",
    "DetailsType",
    "HttpSignatures",
    "Introspection",
    "IntrospectionLimits",
    "Issuer",
    "JwtBodies",
    "NotExecuted",
    "Reservation",
    "ResourceDescription",
    "ResourceServer",
    "SignalReceiver",
    "SigningClient",
    "StatusLists",
    "Token",
    "any_of",
    "current_token",
    "customer_of",
    "presets",
]

__getattr__ = late_names(
    globals(),
    {
        "DetachedJws": "rskit.signed_messages.detached_jws",
        "HttpSignatures": "rskit.http_signatures.settings",
        "JwtBodies": "rskit.signed_messages.jwt_bodies",
        "SignalReceiver": "rskit.signals.receiver",
        "SigningClient": "rskit.signed_messages.clients",
        "StatusLists": "rskit.issuers.status_lists",
        "presets": "rskit.presets",
    },
)
