"""Signing a user out at the server too: where to send the browser, and what it comes back with.

The application ends its own session first: the server may not send the browser back.

Spec: OIDC RP-Initiated Logout 1.0, sections 2, 3
Role: C
"""

from __future__ import annotations

from dataclasses import dataclass

from fapikit.http_message import Field
from fapikit.parameters import parse_parameters
from fapikit.secrets import Secret, revealed
from fapikit.tracebacks import forgets_locals
from fapikit.urls import with_query
from rpkit.bank import Bank
from rpkit.errors import ForeignTransaction, MissingState, WrongState
from rpkit.login.id_token import IdToken
from rpkit.registration.redirect_uris import require_redirect_uri

_CLAUSE = "OIDC RP-Initiated Logout 3"


@dataclass(frozen=True, slots=True)
class LogoutStart:
    """Send the browser to `url` (with a 303); keep `state` in a cookie of it, sealed, if it is to come back."""

    _url: Secret  # the ID token in it tells who the user is
    state: Secret | None

    @property
    def url(self) -> str:
        return self._url.reveal()


def begin_logout(
    bank: Bank, id_token: IdToken | None = None, *, post_logout_redirect_uri: str | None = None
) -> LogoutStart:
    """`id_token`: the login's, without which the server asks the user. Without a URI the browser stays there.

    Raises MissingMetadata if the server has no such page; ForeignTransaction for another server's ID token;
    ForbiddenByProfile for a URI in clear text.
    """
    endpoint = bank.metadata.endpoint("end_session_endpoint")
    fields: list[Field] = [("client_id", bank.settings.client_id)]
    if id_token is not None:
        if id_token.issuer != bank.issuer:  # it would tell this server who the user is at the other one
            raise ForeignTransaction(
                "this ID token is of another server",
                facts={"expected": bank.issuer, "got": id_token.issuer},
            )
        fields.append(("id_token_hint", id_token.jwt))
    if post_logout_redirect_uri is None:
        return LogoutStart(_url(endpoint, fields), None)
    require_redirect_uri(post_logout_redirect_uri, bank.profile, "post_logout_redirect_uri")
    state = Secret(bank.random_string())
    fields += [("post_logout_redirect_uri", post_logout_redirect_uri), ("state", state)]
    return LogoutStart(_url(endpoint, fields), state)


def _url(endpoint: str, fields: list[Field]) -> Secret:
    return Secret(with_query(endpoint, [(name, revealed(value)) for name, value in fields]))


@forgets_locals
def complete_logout(callback: str, state: Secret) -> None:
    """That this browser was sent away by us, with this `state`. Raises MissingState, WrongState, MalformedMessage."""
    found = parse_parameters(callback.partition("#")[0].partition("?")[2]).secret("state")
    if found is None:
        raise MissingState("the browser came back from a logout without state", clause=_CLAUSE)
    if state != found:
        raise WrongState("the browser came back from another logout than its own", clause=_CLAUSE)
