"""Claims that another issuer says of a user: this server says from which source each of them comes.

Spec: OIDC 5.6, 5.6.2; IDA 6.1
Role: AS
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from askit.config.values import User


def members_of_sources(user: User | None, wanted: Collection[str]) -> dict[str, Any]:
    """`_claim_names` and `_claim_sources`, for those of these claims that have a source. Nothing if none has."""
    names: dict[str, str] = {}
    sources: dict[str, Any] = {}
    for number, source in enumerate(() if user is None else user.claims_sources, 1):
        taken = [name for name in source.claims if name in wanted]
        if taken:
            names |= dict.fromkeys(taken, f"src{number}")
            sources[f"src{number}"] = source.member()
    return {"_claim_names": names, "_claim_sources": sources} if names else {}
