"""A lodged intent, as its client knows it, and the request that names it.

Spec: LODGING 2, 6, 8
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fapikit.errors import ConfigurationError
from fapikit.lodged_intents import INTENT_CLAIM, IntentShape, State


@dataclass(frozen=True, slots=True, kw_only=True)
class LodgedIntent:
    """An intent at a bank. `url`: where it is. `status`: the bank's word. `members`: the bank's answer, as it came.

    `state`: what that word means: `awaiting`, `authorised`, `rejected`, `lapsed`, `revoked` (by you) or `withdrawn` (by
    the user); None: a word that is unknown here.
    """

    intent_id: str
    shape: IntentShape = field(repr=False)
    url: str
    status: str | None
    state: State | None
    members: Mapping[str, Any] = field(repr=False)

    @classmethod
    def kept(cls, shape: IntentShape, *, intent_id: str, url: str) -> LodgedIntent:
        """The intent from what you have kept of it. `shape`: that of its body, such as `UkAccountAccess.shape`."""
        return cls(intent_id=intent_id, shape=shape, url=url, status=None, state=None, members={})

    def asked(self, *, scope: str = "openid", claims: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters of the request for this intent: `begin(**intent.asked(scope="openid accounts"))`.

        `claims`: further ones that the request asks for. Raises ConfigurationError.
        """
        if self.shape.scope_prefix:
            named = f"{scope} {self.shape.scope_prefix}{self.intent_id}".strip()
            return {"scope": named, **({} if claims is None else {"claims": claims})}
        if "openid" not in scope.split():
            raise ConfigurationError(
                "the ID token binds this intent: add openid to scope",
                clause="LODGING 3",
                facts={"scope": scope},
            )
        of_id_token = (claims or {}).get("id_token") or {}
        wish = {"value": self.intent_id, "essential": True}
        return {
            "scope": scope,
            "claims": {**(claims or {}), "id_token": {**of_id_token, INTENT_CLAIM: wish}},
        }
