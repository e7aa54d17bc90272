"""Grants and requests in words for the user: what is asked for, since when, until when, and what helps to compare.

Spec: RFC 9700 4.16; RFC 8628 5.4; GM 5.2; IDA 5.7.3
Role: AS
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from askit.config.settings import Config
from askit.config.values import User
from askit.pages.catalogues import Catalogue
from askit.pages.words import describe_access, describe_claims, describe_details, describe_verified_claims
from askit.records import AuthorizationRequest, Grant, WaitingRequest
from askit.users.claims import claims_by_name, known_claims
from fapikit.grant_management import REPLACE


def decided_at(grant: Grant) -> float:
    """When the user decided about a grant last."""
    return grant.updated_at or grant.created_at


def minute(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


def device(request: WaitingRequest) -> dict[str, str]:
    """What helps the user to recognise the device: its code, when it asked, and from where."""
    return {
        "user_code": request.user_code,
        "address": request.address,
        "asked_at": minute(request.created_at),
    }


def entry(
    grant: Grant, client_name: str, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """One grant, in words for the user. `decided_on`: the day of the last decision, the first one or a change."""
    return {
        "grant": grant,
        "client_name": client_name,
        "granted_on": day(grant.created_at),
        "decided_on": day(decided_at(grant)),
        "changed_on": day(grant.updated_at) if grant.updated_at else None,
        "ends_on": last_day(grant.expires_at),
        **asked(grant, user, config, say),
    }


def changing(
    request: AuthorizationRequest, changed: Grant | None, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """The grant that a request changes, in words for the user."""
    shown = None if changed is None else entry(changed, "", user, config, say)
    return {"changed": shown, "replaced": request.grant_management_action == REPLACE}


def asked(
    of: Grant | AuthorizationRequest, user: User | None, config: Config, say: Catalogue
) -> dict[str, Any]:
    """The scopes, details and claims of a grant or a request, in words for the user. `once`: nothing of it lasts."""
    access = describe_access(config, of.scopes, of.resources, say)
    claims = claims_by_name(of.claims) & known_claims(user)
    details = [*describe_details(of, user, config, say), *describe_verified_claims(of, user, say)]
    return {
        "scopes": [*access, *describe_claims(claims, say)],
        "details": details,
        "once": bool(details) and not access and all(detail.once for detail in details),
    }


def day(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()


def last_day(end: float) -> str:
    """The last day of what ends then: at midnight that is the day before, as it was asked for by a date."""
    return day(end - 1)
