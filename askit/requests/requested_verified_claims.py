"""A request for verified claims in the `claims` parameter: it is read when it comes in, and refused by its member.

Spec: IDA 5.3, 5.4, 5.5.2, 5.6
Role: AS
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from askit.errors import InvalidRequest
from fapikit.verified_claims.requested import BrokenRequest, requests_in


def require_readable(claims: Mapping[str, Any]) -> None:
    """Raise InvalidRequest, with the member and the rule, for a request that could not be answered."""
    try:
        for _ in requests_in(claims):
            pass
    except BrokenRequest as broken:
        path = broken.path[:120].encode("ascii", "replace").decode("ascii")
        raise InvalidRequest(f"{path} {broken.what}", clause=broken.clause, facts={"member": path}) from None
