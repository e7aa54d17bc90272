"""One call of an application to an API, step by step: which headers to send, and what the response means.

The same steps serve httpx and httpx2, sync and async. `prepare` gives the headers. `judge` decides whether the request
is sent again.

Spec: RFC 9449 7.1, 7.3, 8.2, 9; RFC 6750 3.1; RFC 9470 4; RFC 9728 3.3b, 5.1; RFC 8705 3a, 6.3; FAPI1-BL 6.2.2-5;
    FAPI1-ADV 6.2.2; FAPI2-SP 5.3.3.1-3, -8
Role: C
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fapikit.errors import Remedy
from fapikit.errors.base import on_one_line
from fapikit.flow import Flow
from fapikit.http_message import Fields
from fapikit.members import LOG
from fapikit.urls import origin_of, without_query
from rpkit.api.challenge import demands_nonce, error_of, read_challenges, require_no_step_up
from rpkit.api.customer_headers import INTERACTION, interaction_id
from rpkit.api.protected_call import credentials_for
from rpkit.api.resource_metadata import require_our_server
from rpkit.bank import Bank
from rpkit.errors import BodySpent, ForeignOrigin, NoAccessToken
from rpkit.grants.refresh_token import refresh
from rpkit.tokens.certificate_binding import is_usable, require_certificate
from rpkit.tokens.token_set import AccessToken, TokenSet


class HeldTokens:
    """The newest token set of one API client; a refresh replaces it for all its calls."""

    def __init__(self, tokens: TokenSet) -> None:
        self.tokens = tokens


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """The parts of a response that the steps need."""

    status: int
    challenges: Sequence[str]
    nonces: Sequence[str]
    interaction_ids: Sequence[str]


class ApiCall:
    """One request and its retries: at most one for a nonce, and at most one for a new token."""

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
        self._interaction_id = interaction_id(headers.get(INTERACTION), bank.settings.random_bytes(16))
        self._used: AccessToken | None = None
        self._nonce_tried = False
        self._refresh_tried = False

    def prepare(self) -> Flow[Fields]:
        """The headers of the first attempt. Raises ForeignOrigin, NoAccessToken; what a refresh raises."""
        if origin_of(self._url) != self._origin:
            raise ForeignOrigin(
                f"this client sends its token to {self._origin} alone: make another one with api(base_url=...) for"
                " the other API",
                facts={"expected": self._origin, "got": origin_of(self._url)},
            )
        token = self._held.tokens.find(self._resource)
        if token is None or not is_usable(self._bank, token):
            token = yield from self._refreshed()
        return (yield from self._headers(token))

    def judge(self, answer: ApiAnswer) -> Flow[Fields | None]:
        """The headers of the retry, or None if the application gets this response.

        Raises StepUpRequired, BodySpent, OtherAuthorizationServer, GrantEnded and the other errors of a refresh. It
        raises nothing if the API has executed the request.
        """
        bank = self._bank
        bank.nonces.learn(self._url, list(answer.nonces))
        self._compare_interaction(answer)
        token = self._held.tokens.find(self._resource)
        if answer.status not in (401, 403) or token is None:
            return None
        challenges = read_challenges(answer.challenges)
        bound = self._held.tokens.dpop is not None
        if bound and demands_nonce(answer.status, challenges, answer.nonces):
            if self._nonce_tried:
                return None
            self._require_replayable("its nonce is known now")
            self._nonce_tried = True
            return (yield from self._headers(token))
        require_no_step_up(challenges)
        if answer.status == 401 and error_of(challenges, token.token_type) == "invalid_token":
            renewed = yield from self._renewed()
            if renewed is not None:
                self._require_replayable("the refused token has been refreshed")
                return (yield from self._headers(renewed))
        if answer.status == 401:
            yield from require_our_server(bank, challenges, self._url)
        return None

    def _renewed(self) -> Flow[AccessToken | None]:
        """A new token after the API refused the old one. None if a refresh was tried already or is impossible."""
        if self._refresh_tried or self._held.tokens.refresh_token is None:
            return None
        self._refresh_tried = True
        self._nonce_tried = False  # the retry is a new request; the server may want a newer nonce
        held = self._held.tokens.find(self._resource)
        if held is not None and self._used is not None and held.value != self._used.value:
            return held  # another call of this client has refreshed it in the meantime
        return (yield from self._refreshed())

    def _refreshed(self) -> Flow[AccessToken]:
        held = self._held
        if held.tokens.refresh_token is None:
            token = held.tokens.find(self._resource)
            if token is not None and token.fresh(self._bank.now()):
                require_certificate(self._bank, token)
            raise self._nothing_to_send(token)
        held.tokens = yield from refresh(self._bank, held.tokens, resource=self._resource)
        token = held.tokens.find(self._resource)
        if token is None:
            raise NoAccessToken("the refresh brought no access token for this API: sign in again")
        return token

    def _nothing_to_send(self, ended: AccessToken | None) -> NoAccessToken:
        """The error for a token set without a refresh token. `ended`: its access token for this API, too old to use."""
        have = ", ".join(resource or "no named resource" for resource in self._held.tokens.resources)
        facts = {"resource": self._resource or "", "have": have}
        if ended is None:
            wanted = self._resource or "no named resource"
            return NoAccessToken(
                f"the token set has no access token for {wanted}, but one for {have}: give api(resource=...) what the"
                " token was requested for, or request a token with this resource",
                remedy=Remedy.FIX_CONFIGURATION,
                facts=facts,
            )
        return NoAccessToken(
            "the access token for this API has ended, and there is no refresh token to get another one with: sign in"
            " again, or call client_credentials again if it is a token of the client itself",
            facts=facts,
        )

    def _require_replayable(self, reason: str) -> None:
        if not self._replayable:
            raise BodySpent(
                f"the request must be sent again, and its body was a stream that is read: {reason},"
                " so send the request once more"
            )

    def _headers(self, token: AccessToken) -> Flow[Fields]:
        self._used = token
        credentials = yield from credentials_for(
            self._bank, self._method, self._url, token=token, dpop=self._held.tokens.dpop
        )
        return (*credentials, (INTERACTION, self._interaction_id))

    def _compare_interaction(self, answer: ApiAnswer) -> None:
        """Log a response with another id. The application gets it nevertheless: it may be of an executed payment."""
        echoed = {value.strip().lower() for value in answer.interaction_ids for value in value.split(",")}
        if echoed and echoed != {self._interaction_id.lower()}:
            LOG.warning(
                "%s answered with the %s %s to a request with %s [FAPI1-BL 6.2.1-11]",
                without_query(self._url),
                INTERACTION,
                on_one_line(", ".join(sorted(echoed))[:80]),
                self._interaction_id,
            )
