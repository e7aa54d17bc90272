"""Refreshing, once for all who ask: threads and tasks share one run, processes a lock in the token store.

A rotated token is persisted before anybody uses it; where none comes the old one stays. Whoever holds an older
version of the set is given the newer one without a call. Whatever else displeases in the server's answer, or in a store
that fails, a refresh token that has taken the place of the old one is kept, and handed over in the error.

Spec: RFC 6749 6; FAPI2-SP 5.3.3.1-6, 6.1; RFC 9700 2.2.2, 4.14.2; RFC 8707 2.2; OIDC 12.2
Role: C
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final

from fapikit.errors import ConfigurationError, DeadlineExceeded, FapiError, PeerRefused, StoreError
from fapikit.flow import Flow, shared, sleep
from fapikit.secrets import Secret
from rpkit.back_channel import Form
from rpkit.bank import Bank
from rpkit.errors import GrantEnded, NoAccessToken
from rpkit.login.id_token import verify_refreshed_id_token
from rpkit.tokens.token_endpoint import TokenResponse, request_tokens
from rpkit.tokens.token_set import TokenSet, require_own
from rpkit.tokens.token_store import LOCK_TTL

DEADLINE: Final = 45.0
_POLL: Final = 0.1
_POLLS: Final = int((LOCK_TTL + 5) / _POLL)
_MERGES: Final = 3


def refresh(
    bank: Bank, tokens: TokenSet, *, resource: str | None = None, scope: str | None = None
) -> Flow[TokenSet]:
    """The set with a new access token for `resource` (without one: for the token it holds).

    Raises ConfigurationError where the set holds several and none is named; GrantEnded when the user has to sign in
    again, NoAccessToken without a refresh token; TokenResponseError, JwtError, BrokenContinuity; PeerRefused,
    TransportError, StoreError. `TokenSet.kept_in(error)` is the set to go on with, where the server has rotated the
    refresh token all the same.
    """
    require_own(tokens, bank.issuer, bank.settings.client_id)
    held = tokens.find(resource)
    if resource is None:
        if held is None:
            raise ConfigurationError(
                "the set has tokens for several resources: say with resource= which one to renew",
                clause="RFC 8707 2.2",
                facts={"have": " ".join(tokens.resources)},
            )
        resource = held.resource
    if held is not None and scope is not None and not set(scope.split()) <= set(tokens.scope.split()):
        raise ConfigurationError("a refresh cannot widen the scope", clause="RFC 6749 6")
    # By subject too: two customers under one name of the application's share no result.
    key = ("refresh", tokens.key, tokens.subject, resource, scope)
    return (yield from shared(key, lambda: _refresh_locked(bank, tokens, resource, scope), deadline=DEADLINE))


def _refresh_locked(bank: Bank, tokens: TokenSet, resource: str | None, scope: str | None) -> Flow[TokenSet]:
    store, holder = bank.settings.token_store, bank.random_string()
    for _ in range(_POLLS):
        stored = yield from store.load(tokens.key)
        if stored is not None and _is_newer(bank, stored, tokens, resource, scope):
            return stored
        if (yield from store.lock(tokens.key, holder)):
            break
        yield from sleep(_POLL)
    else:
        raise DeadlineExceeded("another process is refreshing these tokens and does not finish")
    try:
        refreshed = yield from _refresh_alone(bank, tokens, resource, scope)
    except Exception:  # those of a KMS or of an application's store too
        yield from _unlock(bank, tokens, holder)
        raise
    yield from _unlock(bank, tokens, holder)
    return refreshed


def _unlock(bank: Bank, tokens: TokenSet, holder: str) -> Flow[None]:
    """Give the lock back. Where the store fails it ends by itself, and what the refresh came to counts."""
    with suppress(StoreError):
        yield from bank.settings.token_store.unlock(tokens.key, holder)


def _refresh_alone(bank: Bank, tokens: TokenSet, resource: str | None, scope: str | None) -> Flow[TokenSet]:
    store = bank.settings.token_store
    stored = yield from store.load(tokens.key)
    if stored is not None and _is_newer(bank, stored, tokens, resource, scope):
        return stored  # published between our look and our lock
    newest = tokens
    if stored is not None and (stored.grant != tokens.grant or stored.version >= tokens.version):
        newest = stored
    try:
        response = yield from _call(bank, newest, stored, resource, scope)
    except GrantEnded:
        # Unless one whose lock ran out has used the same refresh token, and published what it got.
        stored = yield from store.load(tokens.key)
        if stored is not None and _is_newer(bank, stored, tokens, resource, scope):
            return stored
        raise
    for _ in range(_MERGES):
        now = bank.now()
        refreshed = newest.with_token(
            response.access_token_at(now, resource=resource, scope=scope or newest.scope),
            refresh_token=response.refresh_token,
            further_members=response.further_members,
            received_at=now,
        )
        try:
            if (yield from store.publish(refreshed, expected=stored)):
                return refreshed
            stored = yield from store.load(tokens.key)
        except StoreError as error:
            error.outcome = refreshed
            raise
        if stored is None:
            raise GrantEnded("these tokens were given back while they were refreshed")
        if stored.grant != newest.grant:
            # A new login came meanwhile; what we got is of the old one, and bound to its key.
            _require_same_user(stored, tokens)
            return stored
        # Our lock ran out and somebody else published: theirs is newer, and keeps its refresh token.
        newest = stored
        response = _without_refresh_token(response)
    raise DeadlineExceeded("these tokens change faster than they can be published")


def _call(
    bank: Bank, tokens: TokenSet, stored: TokenSet | None, resource: str | None, scope: str | None
) -> Flow[TokenResponse]:
    if tokens.refresh_token is None:
        raise NoAccessToken("there is no refresh token to get an access token with", clause="RFC 6749 6")
    form: Form = (("refresh_token", tokens.refresh_token),)
    if scope is not None:
        form = (*form, ("scope", scope))
    try:
        response = yield from request_tokens(bank, "refresh_token", form, dpop=tokens.dpop, resource=resource)
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
            # Whose the access token is, is not known: it is not used.
            if response.refresh_token is not None:
                error.outcome = yield from _keep(bank, tokens, stored, response.refresh_token)
            raise
    return response


def _keep(
    bank: Bank, tokens: TokenSet, stored: TokenSet | None, refresh_token: Secret
) -> Flow[TokenSet | None]:
    """The set with the refresh token of an answer that is refused, stored: the old one may be dead by now.

    None where the server sent the same one again.
    """
    if refresh_token == tokens.refresh_token:
        return None
    kept = tokens.with_refresh_token(refresh_token)
    with suppress(StoreError):  # the error under way says more, and hands the set over
        if not (yield from bank.settings.token_store.publish(kept, expected=stored)):
            # Our lock ran out and somebody else has published since: theirs is newer.
            kept = (yield from bank.settings.token_store.load(tokens.key)) or kept
    return kept


def _is_newer(
    bank: Bank, stored: TokenSet, tokens: TokenSet, resource: str | None, scope: str | None
) -> bool:
    """Whether `stored` already answers what is asked: another, living token for this resource.

    A set of another login took the place of `tokens`, whatever its version. Raises GrantEnded if it is another user's.
    """
    _require_same_user(stored, tokens)
    found, held = stored.find(resource), tokens.find(resource)
    newer = stored.grant != tokens.grant or stored.version > tokens.version
    if not newer or found is None or found.resource != resource:
        return False
    if scope is not None and found.scope != scope:
        return False
    return found.fresh(bank.now()) and (held is None or found.value != held.value)


def _require_same_user(stored: TokenSet, tokens: TokenSet) -> None:
    if stored.subject != tokens.subject:
        raise GrantEnded("another user's login has taken the place of these tokens")


def _without_refresh_token(response: TokenResponse) -> TokenResponse:
    return replace(response, refresh_token=None)
