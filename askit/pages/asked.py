"""What a request asks for, or a grant holds, in words for the user: every page shows the same.

Spec: RFC 9700 4.16; FAPI2-SP 5.3.2.2-13; IDA 5.7.3
Role: AS
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from askit.config.settings import Config
from askit.config.values import User
from askit.pages.catalogues import Catalogue
from askit.pages.words import describe_access, describe_claims, describe_details, describe_verified_claims
from askit.records import AuthorizationRequest, Grant
from askit.users.claims import claims_by_name
from fapikit.grant_management import REPLACE


def entry_of(
    grant: Grant, client_name: str, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """One grant, in words for the user."""
    return {
        "grant": grant,
        "client_name": client_name,
        "granted_on": day_of(grant.updated_at or grant.created_at),
        "ends_on": day_of(grant.expires_at),
        **asked_of(grant, user, config, say),
    }


def change_of(
    request: AuthorizationRequest, changed: Grant | None, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """The grant that a request changes, in words for the user."""
    entry = None if changed is None else entry_of(changed, "", user, config, say)
    return {"changed": entry, "replaced": request.grant_management_action == REPLACE}


def asked_of(
    of: Grant | AuthorizationRequest, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """The scopes, details and claims of a grant or a request, in words for the user. `once`: nothing of it lasts."""
    access = describe_access(config, of.scopes, of.resources, say)
    claims = claims_by_name(of.claims) & (user.claims.keys() if user else set())
    details = [*describe_details(of, user, config, say), *describe_verified_claims(of, user, say)]
    return {
        "scopes": [*access, *describe_claims(claims, say)],
        "details": details,
        "once": bool(details) and not access and all(detail.once for detail in details),
    }


def day_of(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()
