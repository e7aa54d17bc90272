"""Sign a user out at the server too (RP-initiated logout): the redirect to the server, and the return from it.

The application must end its own session first, because the server may not send the browser back.

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
    """Send the browser to `url` (with a 303). If it is to come back, keep `state` sealed in its cookie."""

    _url: Secret  # it has an ID token, which identifies the user
    state: Secret | None

    @property
    def url(self) -> str:
        return self._url.reveal()


def begin_logout(
    bank: Bank, id_token: IdToken | None = None, *, post_logout_redirect_uri: str | None = None
) -> LogoutStart:
    """Start a logout at the server.

    `id_token`: the ID token of the login; without it, the server asks the user. `post_logout_redirect_uri`: the page
    to come back to; without it, the browser stays at the server.
    Raises MissingMetadata if the server has no `end_session_endpoint`; ForeignTransaction for an ID token of another
    server; ForbiddenByProfile for a URI that is not https.
    """
    endpoint = bank.metadata.endpoint("end_session_endpoint")
    fields: list[Field] = [("client_id", bank.settings.client_id)]
    if id_token is not None:
        if id_token.issuer != bank.issuer:  # this server must not learn who the user is at the other server
            raise ForeignTransaction(
                "this ID token is from another server: call begin_logout of the client of that server",
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
    """Check that the browser comes back from the logout with this `state`.

    Raises MissingState, WrongState, MalformedMessage.
    """
    found = parse_parameters(callback.partition("#")[0].partition("?")[2]).secret("state")
    if found is None:
        raise MissingState("the URL after the logout has no state", clause=_CLAUSE)
    if state != found:
        raise WrongState("the state after the logout is that of another logout", clause=_CLAUSE)
