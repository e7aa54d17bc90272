"""The fake bank with CIBA: the user decides on a phone that this process plays.

`answers` are what the polls get, one after another: an error code, or "approved". When they are used up, the user has
approved. `faults` besides those of the fake bank: bc (members of the acknowledgement), bc_answer, push (members).
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.keys import claims_of, mint
from tests.mothers.fake_bank import Answer, FakeBank, Seen
from tests.mothers.mtls_bank import MtlsBank

CIBA_GRANT = "urn:openid:params:grant-type:ciba"
AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"
RT_HASH = "urn:openid:params:jwt:claim:rt_hash"


@dataclass
class CibaBank(FakeBank):
    answers: list[str] = field(default_factory=list)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each `auth_req_id` was for, from the form or from inside the signed request."""
    at: dict[str, Seen] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        return {
            **super().metadata(),
            "backchannel_authentication_endpoint": self.url("bc-authorize"),
            "backchannel_token_delivery_modes_supported": ["poll", "ping", "push"],
            "backchannel_authentication_request_signing_alg_values_supported": ["ES256", "PS256", "EdDSA"],
            "backchannel_user_code_parameter_supported": True,
        }

    def route(self, call: Seen) -> Answer:
        if not call.path.endswith("bc-authorize"):
            return super().route(call)
        problem = self._nonce_problem(call, 400)
        if problem is not None:
            return problem
        override = self.faults.get("bc_answer")
        return self._authorize(call) if override is None else override(call)

    def _authorize(self, call: Seen) -> Answer:
        auth_req_id = f"ari-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        request = call.form.get("request")
        self.asked[auth_req_id] = call.form if request is None else claims_of(request)
        self.at[auth_req_id] = call
        members = {"auth_req_id": auth_req_id, "expires_in": 600, "interval": 5}
        return 200, {}, self._fault("bc", members)

    def _token(self, call: Seen) -> Answer:
        if call.form["grant_type"] != CIBA_GRANT:
            return super()._token(call)
        answer = self.answers.pop(0) if self.answers else "approved"
        asked = self.asked.get(call.form["auth_req_id"])
        if answer != "approved":
            return 400, {}, {"error": answer}
        if asked is None:
            return 400, {}, {"error": "invalid_grant"}
        del self.asked[call.form["auth_req_id"]]
        return 200, {}, self._fault("token", self._tokens(asked, call))

    def _tokens(self, asked: dict[str, Any], call: Seen) -> dict[str, Any]:
        members = super()._tokens(asked, call)
        if call.form["grant_type"] == CIBA_GRANT:
            members["refresh_token"] = f"rt-{uuid.uuid4().hex}{uuid.uuid4().hex}"
            self.refresh_tokens[members["refresh_token"]] = asked
        return members

    # --- what the bank says by itself -----------------------------------------------------------

    def ping(self, auth_req_id: str, **changes: Any) -> tuple[dict[str, str], bytes]:
        """Headers and body of a ping; `bearer=` and members may be changed."""
        return self._notification(auth_req_id, {"auth_req_id": auth_req_id}, changes)

    def push(self, auth_req_id: str, **changes: Any) -> tuple[dict[str, str], bytes]:
        """The same with the tokens, which are bound to the key that was shown with the request."""
        asked, call = self.asked[auth_req_id], self.at[auth_req_id]
        call = Seen(call.method, call.path, call.headers, [("grant_type", CIBA_GRANT)], b"")
        members = {"auth_req_id": auth_req_id, **self._tokens({**asked, "scope": ""}, call)}
        claims = {
            **self._sign_in(asked, nonce=False),
            "at_hash": self._half_hash(members["access_token"]),
            RT_HASH: self._half_hash(members["refresh_token"]),
            AUTH_REQ_ID: auth_req_id,
        }
        members["id_token"] = self._fault("id_token_jwt", mint(self._fault("id_token", claims), self.key))
        return self._notification(auth_req_id, self._fault("push", members), changes)

    def push_error(self, auth_req_id: str, error: str, **changes: Any) -> tuple[dict[str, str], bytes]:
        return self._notification(auth_req_id, {"error": error, "auth_req_id": auth_req_id}, changes)

    def _notification(
        self, auth_req_id: str, members: dict[str, Any], changes: dict[str, Any]
    ) -> tuple[dict[str, str], bytes]:
        bearer = changes.pop("bearer", self.asked[auth_req_id].get("client_notification_token"))
        members = {name: value for name, value in {**members, **changes}.items() if value is not None}
        headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
        return headers, json.dumps(members).encode()


@dataclass
class MtlsCibaBank(CibaBank, MtlsBank):
    """The same over TLS, with tokens that are bound to the client's certificate."""

    def metadata(self) -> dict[str, Any]:
        document = super().metadata()
        aliases = document["mtls_endpoint_aliases"]
        alias = aliases["token_endpoint"].removesuffix("token") + "bc-authorize"
        return {
            **document,
            "mtls_endpoint_aliases": {**aliases, "backchannel_authentication_endpoint": alias},
        }

    def route(self, call: Seen) -> Answer:
        if call.path.endswith("bc-authorize") and (call.certificate is None or not self._signed_in(call)):
            return 401, {}, {"error": "invalid_client"}
        return super().route(call)
