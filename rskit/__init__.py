"""Around an API: whether a request may pass, framework-free. `asgi_mw` and `wsgi_mw` are the skins.

Where is ...? The whole check: `resource_server`. The token: `tokens/`. Possession: `possession/`. What a route needs:
`access`. Who is let in without a token: `policy/door`. One consent, one payment: `consents/`. Why a 401:
`answers/challenge`, and in the log `answers/trace`.
"""

from rskit import presets
from rskit.access import Access, any_of
from rskit.answers.cors import Cors
from rskit.answers.resource_metadata import ResourceDescription
from rskit.consents.details_type import DetailsType
from rskit.consents.ledger import ConsentLedger, NotExecuted, Reservation
from rskit.decision import Allow, CannotDecide, Challenge
from rskit.issuers.issuer import Introspection, IntrospectionLimits, Issuer
from rskit.policy.current import current_token
from rskit.resource_server import ResourceServer
from rskit.tokens.token import Token

__all__ = [
    "Access",
    "Allow",
    "CannotDecide",
    "Challenge",
    "ConsentLedger",
    "Cors",
    "DetailsType",
    "Introspection",
    "IntrospectionLimits",
    "Issuer",
    "NotExecuted",
    "Reservation",
    "ResourceDescription",
    "ResourceServer",
    "Token",
    "any_of",
    "current_token",
    "presets",
]
