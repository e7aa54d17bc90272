"""Refresh, done once for all who ask: threads and tasks share one call, processes share a lock in the token store.

A rotated refresh token is stored before its access token is used. Without rotation the old one stays. A caller with an
older version of the set gets the newer version without a call to the server. If the response is refused or the store
fails, a rotated refresh token is not lost: the error carries the set with it.

Spec: RFC 6749 6; FAPI2-SP 5.3.3.1-6, 6.1; RFC 9700 2.2.2, 4.14.2; RFC 8707 2.2; RFC 9396 6; OIDC 12.2
Role: C
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

from fapikit import strict_json
from fapikit.errors import ConfigurationError, DeadlineExceeded, FapiError, PeerRefused, StoreError
from fapikit.flow import Flow, shared, sleep
from fapikit.secrets import Secret
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.errors import GrantEnded, NoAccessToken
from rpkit.login.id_token import verify_refreshed_id_token
from rpkit.login.request_parameters import typed_details
from rpkit.tokens.certificate_binding import is_usable
from rpkit.tokens.granted_details import are_exactly
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens
from rpkit.tokens.token_set import TokenSet, require_own
from rpkit.tokens.token_store import LOCK_TTL

DEADLINE: Final = 45.0
_POLL: Final = 0.1
_POLLS: Final = int((LOCK_TTL + 5) / _POLL)
_MERGES: Final = 3


class Wanted(NamedTuple):
    """What a new access token is requested for. `details`: only these of the granted ones; empty: all."""

    resource: str | None
    scope: str | None
    details: tuple[Mapping[str, Any], ...] = ()


def refresh(
    bank: Bank,
    tokens: TokenSet,
    *,
    resource: str | None = None,
    scope: str | None = None,
    authorization_details: Iterable[Mapping[str, Any]] = (),
) -> Flow[TokenSet]:
    """The token set with a new access token for `resource`. Without `resource`: for the resource of its only token.

    `authorization_details`: the new token carries only these of the granted details, each named by some of its members.
    The grant stays as it is, and the next refresh without them gives a token for all.

    Raises ConfigurationError if the set has several tokens and `resource` names none; GrantEnded if the user has to
    sign in again; NoAccessToken without a refresh token; TokenResponseError, JwtError, BrokenContinuity; PeerRefused,
    TransportError, StoreError; UnaskedDetails if the new token carries other details. If the server rotated the refresh
    token before the error, `TokenSet.kept_in(error)` is the set to use from now on.
    """
    require_own(tokens, bank.issuer, bank.settings.client_id)
    held = tokens.find(resource)
    if resource is None:
        if held is None:
            raise ConfigurationError(
                "the token set has tokens for several resources: set resource= to the one to refresh",
                clause="RFC 8707 2.2",
                facts={"have": " ".join(tokens.resources)},
            )
        resource = held.resource
    if held is not None and scope is not None and not set(scope.split()) <= set(tokens.scope.split()):
        raise ConfigurationError(
            f"a refresh cannot add scopes; the login granted {tokens.scope or 'none'}: begin a new login for more",
            clause="RFC 6749 6",
        )
    # The subject is in the key too: two users must share no result if the application gives both the same name.
    wanted = Wanted(resource, scope, typed_details(bank, authorization_details))
    key = ("refresh", tokens.key, tokens.subject, resource, scope, strict_json.dump_value(wanted.details))
    return (yield from shared(key, lambda: _refresh_locked(bank, tokens, wanted), deadline=DEADLINE))


def _refresh_locked(bank: Bank, tokens: TokenSet, wanted: Wanted) -> Flow[TokenSet]:
    store, holder = bank.settings.token_store, bank.random_string()
    for _ in range(_POLLS):
        stored = yield from store.load(tokens.key)
        if stored is not None and _is_newer(bank, stored, tokens, wanted):
            return stored
        if (yield from store.lock(tokens.key, holder)):
            break
        yield from sleep(_POLL)
    else:
        raise DeadlineExceeded(
            "another process is refreshing these tokens and has not finished: try again later"
        )
    try:
        refreshed = yield from _refresh_alone(bank, tokens, wanted)
    except Exception:  # of any kind: a KMS or the application's store may raise its own
        yield from _unlock(bank, tokens, holder)
        raise
    yield from _unlock(bank, tokens, holder)
    return refreshed


def _unlock(bank: Bank, tokens: TokenSet, holder: str) -> Flow[None]:
    """Release the lock. If the store fails, the lock expires by itself, and the result of the refresh stays valid."""
    with suppress(StoreError):
        yield from bank.settings.token_store.unlock(tokens.key, holder)


def _refresh_alone(bank: Bank, tokens: TokenSet, wanted: Wanted) -> Flow[TokenSet]:
    store = bank.settings.token_store
    stored = yield from store.load(tokens.key)
    if stored is not None and _is_newer(bank, stored, tokens, wanted):
        return stored  # another process published it after our first load and before our lock
    newest = tokens
    if stored is not None and (stored.grant != tokens.grant or stored.version >= tokens.version):
        newest = stored
    try:
        response = yield from _call(bank, newest, stored, wanted)
    except GrantEnded:
        # A process whose lock expired may have used the same refresh token, and may have published its result.
        stored = yield from store.load(tokens.key)
        if stored is not None and _is_newer(bank, stored, tokens, wanted):
            return stored
        raise
    for _ in range(_MERGES):
        now = bank.now()
        refreshed = newest.with_token(
            response.access_token_at(now, resource=wanted.resource, scope=wanted.scope or newest.scope),
            refresh_token=response.refresh_token,
            further_members=response.further_members,
            received_at=now,
            grant_id=response.grant_id,
        )
        try:
            if (yield from store.publish(refreshed, expected=stored)):
                return refreshed
            stored = yield from store.load(tokens.key)
        except StoreError as error:
            error.outcome = refreshed
            raise
        if stored is None:
            raise GrantEnded("these tokens were revoked while they were refreshed: sign in again")
        if stored.grant != newest.grant:
            # A new login came in the meantime. Our response belongs to the old login and is bound to its key.
            _require_same_user(stored, tokens)
            return stored
        # Our lock expired and another process published. Its set is newer, and its refresh token is kept.
        newest = stored
        response = _without_refresh_token(response)
    raise DeadlineExceeded("other processes keep changing these tokens in the token store: try again later")


def _call(bank: Bank, tokens: TokenSet, stored: TokenSet | None, wanted: Wanted) -> Flow[TokenResponse]:
    if tokens.refresh_token is None:
        raise NoAccessToken(
            "the token set has no refresh token to get an access token with: sign in again",
            clause="RFC 6749 6",
        )
    form: Form = (("refresh_token", tokens.refresh_token),)
    if wanted.scope is not None:
        form = (*form, ("scope", wanted.scope))
    if wanted.details:
        form = (*form, ("authorization_details", strict_json.dump_value(wanted.details).decode()))
    try:
        response = yield from request_tokens(
            bank,
            "refresh_token",
            form,
            dpop=tokens.dpop,
            resource=wanted.resource,
            asked_scope=wanted.scope,
            asked_details=wanted.details,
        )
    except FapiError as error:
        if isinstance(error.outcome, Secret):
            error.outcome = yield from _keep(bank, tokens, stored, error.outcome)
        if isinstance(error, PeerRefused) and error.peer_code == "invalid_grant":
            raise GrantEnded(f"the server no longer accepts the refresh token: {error.message}") from error
        raise
    if response.unverified_id_token is not None and tokens.id_token_claims:
        try:
            yield from verify_refreshed_id_token(
                bank,
                response.unverified_id_token,
                tokens.id_token_claims,
                access_token=response.access_token,
            )
        except FapiError as error:
            # Without a valid ID token the user of the access token is unknown. So the access token is not used.
            if response.refresh_token is not None:
                error.outcome = yield from _keep(bank, tokens, stored, response.refresh_token)
            raise
    return response


def _keep(
    bank: Bank, tokens: TokenSet, stored: TokenSet | None, refresh_token: Secret
) -> Flow[TokenSet | None]:
    """Store the set with the refresh token of a refused response: the old refresh token may be invalid now.

    None if the server sent the same refresh token again.
    """
    if refresh_token == tokens.refresh_token:
        return None
    kept = tokens.with_refresh_token(refresh_token)
    with suppress(StoreError):  # the error of the response says more, and carries the set
        if not (yield from bank.settings.token_store.publish(kept, expected=stored)):
            # Our lock expired and another process has published: its set is newer.
            kept = (yield from bank.settings.token_store.load(tokens.key)) or kept
    return kept


def _is_newer(bank: Bank, stored: TokenSet, tokens: TokenSet, wanted: Wanted) -> bool:
    """Whether `stored` makes the refresh unnecessary: it has another, unexpired token for this resource.

    A set of another login has replaced `tokens`, whatever its version. Raises GrantEnded if it belongs to another user.
    """
    _require_same_user(stored, tokens)
    found, held = stored.find(wanted.resource), tokens.find(wanted.resource)
    newer = stored.grant != tokens.grant or stored.version > tokens.version
    if not newer or found is None or found.resource != wanted.resource:
        return False
    if wanted.scope is not None and found.scope != wanted.scope:
        return False
    if wanted.details and not are_exactly(found.authorization_details, wanted.details):
        return False
    return is_usable(bank, found) and (held is None or found.value != held.value)


def _require_same_user(stored: TokenSet, tokens: TokenSet) -> None:
    if stored.subject != tokens.subject:
        raise GrantEnded(
            "a login of another user has replaced these tokens in the token store: save each user under a name of"
            " its own"
        )


def _without_refresh_token(response: TokenResponse) -> TokenResponse:
    return replace(response, refresh_token=None)
