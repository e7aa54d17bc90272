"""What a grant may ask of its token: scope, API and authorization details.

Spec: RFC 6749 3.3; RFC 8707 2.2; RFC 9396 6
Role: C
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from rpkit.back_channel import Form


class TokenParameters(TypedDict, total=False):
    """Further parameters of a token request, by their registered names."""

    scope: str
    resource: str
    authorization_details: Iterable[Mapping[str, Any]]


def asked_form(scope: str | None, authorization_details: Iterable[Mapping[str, Any]]) -> Form:
    """The form fields of a scope and of authorization details. What is empty is left out."""
    form: Form = () if scope is None else (("scope", scope),)
    details = [dict(detail) for detail in authorization_details]
    return (*form, ("authorization_details", json.dumps(details))) if details else form
