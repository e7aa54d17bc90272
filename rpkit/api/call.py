"""One call of an application to an API, step by step: which headers to send, and what the answer means.

The same steps serve httpx and httpx2, sync and async: `prepare` gives the headers, `judge` says whether to send again.

Spec: RFC 9449 7.1, 7.3, 8.2, 9; RFC 6750 3.1; RFC 9470 4; RFC 9728 3.3b, 5.1; FAPI1-BL 6.2.2-5; FAPI2-SP 5.3.3.1-3, -8
Role: C
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fapikit.flow import Flow
from fapikit.http_message import Fields
from fapikit.urls import origin_of
from fapikit.www_authenticate import Challenge
from rpkit.api.challenge import demands_nonce, error_of, read_challenges
from rpkit.api.protected_call import credentials_for
from rpkit.api.resource_metadata import require_our_server
from rpkit.bank import Bank
from rpkit.errors import (
    BodySpent,
    ForeignOrigin,
    GrantEnded,
    InteractionMismatch,
    NoAccessToken,
    StepUpRequired,
)
from rpkit.grants.refresh_token import refresh
from rpkit.tokens.token_set import AccessToken, TokenSet

INTERACTION: Final = "x-fapi-interaction-id"
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")


class HeldTokens:
    """The newest token set of one API client; a refresh replaces it for all its calls."""

    def __init__(self, tokens: TokenSet) -> None:
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What the steps need to know of a response."""

    status: int
    challenges: Sequence[str]
    nonces: Sequence[str]
    interaction_id: str | None


class ApiCall:
    """The life of one request. Each retry happens once: for a nonce, and for a new token."""

    def __init__(
        self,
        bank: Bank,
        held: HeldTokens,
        *,
        resource: str | None,
        origin: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        replayable: bool,
    ) -> None:
        self._bank = bank
        self._held = held
        self._resource = resource
        self._origin = origin
        self._method = method
        self._url = url
        self._replayable = replayable
        self._interaction_id = headers.get(INTERACTION) or _uuid(bank)
        self._used: AccessToken | None = None
        self._nonce_tried = False
        self._refresh_tried = False

    def prepare(self) -> Flow[Fields]:
        """The headers of the first attempt. Raises ForeignOrigin, NoAccessToken; what a refresh raises."""
        if origin_of(self._url) != self._origin:
            raise ForeignOrigin(
                "this client carries tokens for one API and calls no other",
                facts={"expected": self._origin, "got": origin_of(self._url)},
            )
        token = self._held.tokens.find(self._resource)
        if token is None or not token.fresh(self._bank.now()):
            token = yield from self._refreshed()
        return (yield from self._headers(token))

    def judge(self, answer: ApiAnswer) -> Flow[Fields | None]:
        """The headers to send again with, or None: the answer is the application's.

        Raises StepUpRequired, BodySpent, OtherAuthorizationServer, InteractionMismatch.
        """
        bank = self._bank
        bank.nonces.learn(self._url, list(answer.nonces))
        self._check_interaction(answer)
        token = self._held.tokens.find(self._resource)
        if answer.status not in (401, 403) or token is None:
            return None
        challenges = read_challenges(answer.challenges)
        if demands_nonce(answer.status, challenges, answer.nonces):
            if self._nonce_tried:
                return None
            self._require_replayable("the nonce that it wants is known now")
            self._nonce_tried = True
            return (yield from self._headers(token))
        _require_no_step_up(challenges)
        if answer.status == 401 and error_of(challenges, token.token_type) == "invalid_token":
            renewed = yield from self._renewed()
            if renewed is not None:
                self._require_replayable("the token that it refused has been refreshed")
                return (yield from self._headers(renewed))
        if answer.status == 401:
            yield from require_our_server(bank, challenges, self._url)
        return None

    def _renewed(self) -> Flow[AccessToken | None]:
        """A new token after the API refused the old one, if that can help."""
        if self._refresh_tried or self._held.tokens.refresh_token is None:
            return None
        self._refresh_tried = True
        self._nonce_tried = False  # the retry is a new request; the server may want a newer nonce
        held = self._held.tokens.find(self._resource)
        if held is not None and self._used is not None and held.value != self._used.value:
            return held  # another call of this client was refused too, and has refreshed since
        try:
            return (yield from self._refreshed())
        except GrantEnded:
            return None  # the API's own 401 says it best

    def _refreshed(self) -> Flow[AccessToken]:
        held = self._held
        if held.tokens.refresh_token is None:
            raise NoAccessToken(
                "no living access token for this API is in the set, and no refresh token to get one",
                facts={"resource": self._resource or ""},
            )
        held.tokens = yield from refresh(self._bank, held.tokens, resource=self._resource)
        token = held.tokens.find(self._resource)
        if token is None:
            raise NoAccessToken("the refresh brought no token for this API")
        return token

    def _require_replayable(self, since: str) -> None:
        if not self._replayable:
            raise BodySpent(
                f"the API wants the request again, and its body was a stream: {since}, so send it once more"
            )

    def _headers(self, token: AccessToken) -> Flow[Fields]:
        self._used = token
        credentials = yield from credentials_for(
            self._bank, self._method, self._url, token=token, dpop=self._held.tokens.dpop
        )
        return (*credentials, (INTERACTION, self._interaction_id))

    def _check_interaction(self, answer: ApiAnswer) -> None:
        echoed = answer.interaction_id
        if echoed is not None and echoed.lower() != self._interaction_id.lower():
            raise InteractionMismatch(
                "the answer carries another x-fapi-interaction-id than the request",
                facts={"sent": self._interaction_id, "got": echoed[:80]},
            )


def _require_no_step_up(challenges: Sequence[Challenge]) -> None:
    for challenge in challenges:
        if challenge.parameters.get("error") != "insufficient_user_authentication":
            continue
        max_age = challenge.parameters.get("max_age", "")
        raise StepUpRequired(
            "the API wants a stronger or fresher login: begin one with error.parameters",
            acr_values=tuple(challenge.parameters.get("acr_values", "").split()),
            max_age=int(max_age) if _SECONDS.match(max_age) else None,
            scope=challenge.parameters.get("scope"),
        )


def _uuid(bank: Bank) -> str:
    return str(uuid.UUID(bytes=bank.settings.random_bytes(16), version=4))
