"""`Client`: every flow of this package, run in the calling thread. `AsyncClient` does the same on asyncio.

    bank = Client.discover("https://bank.example", client_id="fintech", auth=PrivateKeyJWT(key), redirect_uri=CALLBACK)
    start = bank.begin(scope="openid accounts")              # send the browser to start.url, keep start.transaction
    login = bank.complete(callback_url, start.transaction)   # login.report lists every check that was made
    with bank.api(login.tokens, base_url="https://api.bank.example") as api:
        accounts = api.get("/accounts").json()

Spec: FAPI2-SP 5.3.3
Role: C
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Self, TypeVar, Unpack

from fapikit.clauses import citing
from fapikit.client_authentication import ClientAuthentication
from fapikit.flow import Flow
from fapikit.io import HttpSettings, SyncDriver
from fapikit.io.http_library import library_of
from fapikit.io.transport import settings_of
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import FAPI2_SECURITY, Profile, profile_of
from fapikit.secrets import Concealed, Secret, conceal
from rpkit.api import auth as api_auth
from rpkit.api.claims_sources import SourcedClaims, claims_from_sources
from rpkit.api.event_stream_methods import EventStreamMethods
from rpkit.api.grant_methods import GrantMethods
from rpkit.api.message_signing import MessageSigning
from rpkit.api.resource_metadata import find_issuer
from rpkit.api.userinfo import UserInfo, userinfo
from rpkit.bank import Bank, make_bank
from rpkit.decoupled.client_methods import DecoupledMethods
from rpkit.defaults import client_settings
from rpkit.grants.client_credentials import client_credentials
from rpkit.grants.extension import extension_grant
from rpkit.grants.jwt_bearer import jwt_bearer
from rpkit.grants.refresh_token import refresh
from rpkit.grants.token_exchange import ExchangeParameters, HandedIn, exchange
from rpkit.grants.token_parameters import TokenParameters
from rpkit.intents.methods import IntentMethods
from rpkit.login.authorization_request import RequestParameters, Start, begin
from rpkit.login.callback import Callback
from rpkit.login.complete import complete
from rpkit.login.hosted_request import take_hosted_request
from rpkit.login.id_token import IdToken
from rpkit.login.login import Login
from rpkit.login.transaction import Transaction
from rpkit.registration.answer import Registration
from rpkit.registration.configuration import delete_registration, read_registration, update_registration
from rpkit.registration.registration import register_at
from rpkit.registration.signed_request import SignedRequest
from rpkit.settings import ClientOptions
from rpkit.tokens.introspection import Introspection, introspect
from rpkit.tokens.revocation import revoke
from rpkit.tokens.saved_tokens import load_tokens, save_tokens
from rpkit.tokens.token_set import TokenSet
from rpkit.web.backchannel_logout import LoggedOut, read_logout
from rpkit.web.logout import LogoutStart, begin_logout

T = TypeVar("T")
Details = Iterable[Mapping[str, Any]]


class Client(DecoupledMethods, GrantMethods, IntentMethods, EventStreamMethods):
    """A client of one server, for threads. Make one per server and keep it: it holds connections, keys and nonces."""

    def __init__(
        self,
        *,
        metadata: ServerMetadata,
        client_id: str,
        auth: ClientAuthentication,
        redirect_uri: str | None = None,
        profile: Profile | str = FAPI2_SECURITY,
        http: HttpSettings | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        """A client of a server whose metadata you have. `discover` fetches the metadata instead.

        Raises ForbiddenByProfile, ConfigurationError, MissingMetadata, InsecureUrl.
        """
        settings = client_settings(
            client_id=client_id,
            auth=auth,
            redirect_uri=redirect_uri,
            profile=profile,
            http=http,
            options=options,
        )
        self._begin(make_bank(metadata, settings), SyncDriver(http, profile=settings.profile), http)

    def _begin(self, bank: Bank, driver: SyncDriver, http: HttpSettings | None) -> None:
        self.bank = bank
        self._driver = driver
        self._http = http or HttpSettings()
        self._apis = api_auth.lent_connections(self._http, bank.profile)

    @classmethod
    def discover(
        cls,
        issuer: str,
        *,
        client_id: str,
        auth: ClientAuthentication,
        redirect_uri: str | None = None,
        profile: Profile | str = FAPI2_SECURITY,
        metadata_url: str | None = None,
        http: HttpSettings | None = None,
        **options: Unpack[ClientOptions],
    ) -> Client:
        """Fetch the server's metadata. Refuse settings that the profile forbids or that the server does not support.

        `metadata_url`: the URL of the metadata, for an issuer that does not publish them at its well-known URLs.
        Raises ForbiddenByProfile, ConfigurationError, MetadataError, MessageError, TransportError.
        """
        settings = client_settings(
            client_id=client_id,
            auth=auth,
            redirect_uri=redirect_uri,
            profile=profile,
            http=http,
            options=options,
        )
        driver, client = SyncDriver(http, profile=settings.profile), cls.__new__(cls)
        try:
            metadata = driver.run(discover(issuer, url=metadata_url))
            client._begin(make_bank(metadata, settings), driver, http)
        except BaseException:
            driver.close()
            raise
        return client

    @classmethod
    def for_api(cls, resource: str, *, issuer: str | Collection[str] | None = None, **options: Any) -> Client:
        """A client of an authorization server that the metadata of this API lists (RFC 9728) and that you allow.

        `issuer`: the issuer that you allow, or several in order of preference. Without it, only an issuer at the
        API's own origin is allowed. The other arguments are those of `discover`. Raises OtherAuthorizationServer if
        no server is both listed and allowed. In that case, only the API has been called.
        """
        found = cls._once(
            find_issuer(resource, issuer), options.get("http"), options.get("profile", FAPI2_SECURITY)
        )
        return cls.discover(found, **options)

    @classmethod
    def register(
        cls,
        server: str | ServerMetadata,
        client_metadata: Mapping[str, Any],
        *,
        profile: Profile | str = FAPI2_SECURITY,
        initial_access_token: Secret | str | None = None,
        signed: SignedRequest | None = None,
        http: HttpSettings | None = None,
    ) -> Registration:
        """Register a client at a server (RFC 7591). See `registration.register`. Then `discover` with its client_id.

        `server`: its issuer, or its metadata if it publishes none. `signed`: send the request as a signed JWT. Banks
        that belong to a directory want that.
        """
        flow = register_at(
            server,
            client_metadata,
            profile=profile_of(profile),
            initial_access_token=initial_access_token,
            signed=signed,
            mtls=settings_of(http).client_certificate is not None,
        )
        del initial_access_token
        return cls._once(flow, http, profile)

    @classmethod
    def read_registration(
        cls, registration: Registration, *, http: HttpSettings | None = None
    ) -> Registration:
        """Read the current registration (RFC 7592). See `configuration.read_registration`."""
        return cls._once(read_registration(registration), http)

    @classmethod
    def update_registration(
        cls,
        registration: Registration,
        client_metadata: Mapping[str, Any],
        *,
        profile: Profile | str = FAPI2_SECURITY,
        signed: SignedRequest | None = None,
        http: HttpSettings | None = None,
    ) -> Registration:
        """Replace all registered metadata (RFC 7592). See `configuration.update_registration`."""
        return cls._once(
            update_registration(registration, client_metadata, profile=profile_of(profile), signed=signed),
            http,
            profile,
        )

    @classmethod
    def delete_registration(cls, registration: Registration, *, http: HttpSettings | None = None) -> None:
        """Delete a registration (RFC 7592). See `configuration.delete_registration`."""
        cls._once(delete_registration(registration), http)

    @staticmethod
    def _once(flow: Flow[T], http: HttpSettings | None, profile: Profile | str = FAPI2_SECURITY) -> T:
        driver = SyncDriver(http, profile=profile_of(profile))
        try:
            return driver.run(flow)
        finally:
            driver.close()

    @property
    def issuer(self) -> str:
        return self.bank.issuer

    @property
    def metadata(self) -> ServerMetadata:
        """The metadata of the server. `fapikit.audit` compares it with a profile."""
        return self.bank.metadata

    def begin(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[RequestParameters],
    ) -> Start:
        """See `authorization_request.begin`."""
        flow = begin(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        # Here and below: an error tracker shows the variables of this frame. `id_token_hint` is personal data.
        del parameters
        return self._run(flow)

    def take_hosted_request(self, name: str) -> str | None:
        """See `hosted_request.take_hosted_request`: the request object that a page of yours serves to the server."""
        return self._run(take_hosted_request(self.bank, name))

    def complete(self, callback: Callback, transaction: Transaction, *, resource: str | None = None) -> Login:
        """See `login.complete`. `callback` is the whole URL, or the form of a form_post.

        `resource`: the API that the first access token is for, where `begin` named several.
        """
        flow = complete(self.bank, conceal(callback), transaction, resource=resource)
        del callback
        return self._run(flow)

    def refresh(
        self,
        tokens: TokenSet,
        *,
        resource: str | None = None,
        scope: str | None = None,
        authorization_details: Details = (),
    ) -> TokenSet:
        """See `grants.refresh_token.refresh`."""
        flow = refresh(
            self.bank, tokens, resource=resource, scope=scope, authorization_details=authorization_details
        )
        return self._run(flow)

    def userinfo(self, login: Login, *, tokens: TokenSet | None = None) -> UserInfo:
        """See `userinfo.userinfo`."""
        return self._run(userinfo(self.bank, login, tokens=tokens))

    def claims_from_sources(self, of: UserInfo | IdToken) -> SourcedClaims:
        """See `claims_sources.claims_from_sources`."""
        return self._run(claims_from_sources(self.bank, of))

    def begin_logout(
        self, id_token: IdToken | None = None, *, post_logout_redirect_uri: str | None = None
    ) -> LogoutStart:
        """See `logout.begin_logout`. `logout.complete_logout` checks the response to it."""
        return begin_logout(self.bank, id_token, post_logout_redirect_uri=post_logout_redirect_uri)

    def read_logout(self, form: bytes | Mapping[str, str]) -> LoggedOut:
        """See `backchannel_logout.read_logout`. `form`: what the server posted to your `backchannel_logout_uri`."""
        flow = read_logout(self.bank, conceal(form))
        del form
        return self._run(flow)

    def revoke(self, tokens: TokenSet) -> None:
        """See `revocation.revoke`."""
        self._run(revoke(self.bank, tokens))

    def client_credentials(
        self, *, scope: str | None = None, resource: str | None = None, authorization_details: Details = ()
    ) -> TokenSet:
        """See `grants.client_credentials.client_credentials`."""
        return self._run(
            client_credentials(
                self.bank, scope=scope, resource=resource, authorization_details=authorization_details
            )
        )

    def exchange(self, subject_token: HandedIn, **parameters: Unpack[ExchangeParameters]) -> TokenSet:
        """See `grants.token_exchange.exchange`. `subject_token`: a TokenSet, an IdToken, or a received token."""
        flow = exchange(self.bank, Concealed(subject_token), Concealed(parameters))
        del subject_token, parameters
        return self._run(flow)

    def jwt_bearer(self, assertion: Secret | str, **parameters: Unpack[TokenParameters]) -> TokenSet:
        """See `grants.jwt_bearer.jwt_bearer`."""
        flow = jwt_bearer(self.bank, conceal(assertion), **parameters)
        del assertion
        return self._run(flow)

    def grant(
        self, grant_type: str, *, scope: str | None = None, resource: str | None = None, **parameters: str
    ) -> TokenSet:
        """Use a grant that has no method of its own here. See `grants.extension.extension_grant`."""
        flow = extension_grant(
            self.bank, grant_type, scope=scope, resource=resource, parameters=Concealed(parameters)
        )
        del parameters
        return self._run(flow)

    def introspect(self, token: TokenSet | Secret | str, *, resource: str | None = None) -> Introspection:
        """See `introspection.introspect`."""
        flow = introspect(self.bank, token, resource=resource)
        del token
        return self._run(flow)

    def save_tokens(self, user: str, tokens: TokenSet, *, resource: str | None = None) -> TokenSet:
        """Save a token set for this user in the token store. Use the returned set from now on."""
        return self._run(save_tokens(self.bank, user, tokens, resource=resource))

    def load_tokens(self, user: str, *, resource: str | None = None) -> TokenSet | None:
        """The newest token set of this user, whichever process saved it."""
        return self._run(load_tokens(self.bank, user, resource=resource))

    def api(
        self,
        tokens: TokenSet,
        *,
        base_url: str,
        resource: str | None = None,
        customer_ip_address: str | None = None,
        auth_date: datetime | None = None,
        message_signing: MessageSigning | None = None,
        max_bytes: int = api_auth.MAX_BYTES,
        library: Any = None,
        **httpx_options: Any,
    ) -> api_auth.ApiClient:
        """A client of httpx (or of `library`) for one API. It adds token, proof and nonces, and refreshes tokens.

        `resource`: the API that the token was requested for. It may be left out if the set has one token, and that
        token is for an API at the origin of `base_url` or for no named API. Raises ConfigurationError otherwise,
        ForeignTransaction, InsecureUrl.

        It uses the connections of this client, with the TLS and proxy of `HttpSettings`. They stay open when the API
        client is closed. With an option about connections (`verify`, `transport`, ...) it makes its own.
        Redirects are never followed. `message_signing`: sign the requests, and demand that answers are signed.
        """
        target = api_auth.api_target(self.bank, tokens, base_url, resource, max_bytes, message_signing)
        httpx_options = api_auth.with_customer(httpx_options, customer_ip_address, auth_date)
        library = library or library_of(self._http.client)
        options = api_auth.connection_options(
            httpx_options, self._apis.transport, library, self._http, self.bank.profile
        )
        return self._http.watched(api_auth.sync_client(library, target, self._driver.run, base_url, options))

    def close(self) -> None:
        """Close the connections that this client opened."""
        self._apis.close()
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.bank.settings.client_id} at {self.issuer}, {self.bank.profile})"

    def _run(self, flow: Flow[T]) -> T:
        with citing(self.bank.profile):
            return self._driver.run(flow)
