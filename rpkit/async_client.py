"""`AsyncClient`: the same as `Client`, for asyncio.

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
from fapikit.io import AsyncDriver, HttpSettings
from fapikit.io.http_library import library_of
from fapikit.io.transport import settings_of
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import FAPI2_SECURITY, Profile, profile_of
from fapikit.secrets import Concealed, Secret, conceal
from rpkit.api import auth as api_auth
from rpkit.api.claims_sources import SourcedClaims, claims_from_sources
from rpkit.api.event_stream_methods import AsyncEventStreamMethods
from rpkit.api.grant_methods import AsyncGrantMethods
from rpkit.api.message_signing import MessageSigning
from rpkit.api.resource_metadata import find_issuer
from rpkit.api.userinfo import UserInfo, userinfo
from rpkit.bank import Bank, make_bank
from rpkit.client import Details
from rpkit.decoupled.client_methods import AsyncDecoupledMethods
from rpkit.defaults import client_settings
from rpkit.grants.client_credentials import client_credentials
from rpkit.grants.extension import extension_grant
from rpkit.grants.jwt_bearer import jwt_bearer
from rpkit.grants.refresh_token import refresh
from rpkit.grants.token_exchange import ExchangeParameters, HandedIn, exchange
from rpkit.grants.token_parameters import TokenParameters
from rpkit.intents.methods import AsyncIntentMethods
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


class AsyncClient(AsyncDecoupledMethods, AsyncGrantMethods, AsyncIntentMethods, AsyncEventStreamMethods):
    """A client of one server, for asyncio. Several event loops can use it; each has its own connections."""

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
        """See `Client`."""
        settings = client_settings(
            client_id=client_id,
            auth=auth,
            redirect_uri=redirect_uri,
            profile=profile,
            http=http,
            options=options,
        )
        self._begin(make_bank(metadata, settings), AsyncDriver(http, profile=settings.profile), http)

    def _begin(self, bank: Bank, driver: AsyncDriver, http: HttpSettings | None) -> None:
        self.bank = bank
        self._driver = driver
        self._http = http or HttpSettings()
        self._apis = api_auth.lent_connections(self._http, bank.profile)

    @classmethod
    async def discover(
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
    ) -> AsyncClient:
        """See `Client.discover`."""
        settings = client_settings(
            client_id=client_id,
            auth=auth,
            redirect_uri=redirect_uri,
            profile=profile,
            http=http,
            options=options,
        )
        driver, client = AsyncDriver(http, profile=settings.profile), cls.__new__(cls)
        try:
            metadata = await driver.run(discover(issuer, url=metadata_url))
            client._begin(make_bank(metadata, settings), driver, http)
        except BaseException:
            await driver.aclose()
            raise
        return client

    @classmethod
    async def for_api(
        cls, resource: str, *, issuer: str | Collection[str] | None = None, **options: Any
    ) -> AsyncClient:
        """See `Client.for_api`."""
        found = await cls._once(
            find_issuer(resource, issuer), options.get("http"), options.get("profile", FAPI2_SECURITY)
        )
        return await cls.discover(found, **options)

    @classmethod
    async def register(
        cls,
        server: str | ServerMetadata,
        client_metadata: Mapping[str, Any],
        *,
        profile: Profile | str = FAPI2_SECURITY,
        initial_access_token: Secret | str | None = None,
        signed: SignedRequest | None = None,
        http: HttpSettings | None = None,
    ) -> Registration:
        """See `Client.register`."""
        flow = register_at(
            server,
            client_metadata,
            profile=profile_of(profile),
            initial_access_token=initial_access_token,
            signed=signed,
            mtls=settings_of(http).client_certificate is not None,
        )
        del initial_access_token
        return await cls._once(flow, http, profile)

    @classmethod
    async def read_registration(
        cls, registration: Registration, *, http: HttpSettings | None = None
    ) -> Registration:
        """See `Client.read_registration`."""
        return await cls._once(read_registration(registration), http)

    @classmethod
    async def update_registration(
        cls,
        registration: Registration,
        client_metadata: Mapping[str, Any],
        *,
        profile: Profile | str = FAPI2_SECURITY,
        signed: SignedRequest | None = None,
        http: HttpSettings | None = None,
    ) -> Registration:
        """See `Client.update_registration`."""
        return await cls._once(
            update_registration(registration, client_metadata, profile=profile_of(profile), signed=signed),
            http,
            profile,
        )

    @classmethod
    async def delete_registration(
        cls, registration: Registration, *, http: HttpSettings | None = None
    ) -> None:
        """See `Client.delete_registration`."""
        await cls._once(delete_registration(registration), http)

    @staticmethod
    async def _once(flow: Flow[T], http: HttpSettings | None, profile: Profile | str = FAPI2_SECURITY) -> T:
        driver = AsyncDriver(http, profile=profile_of(profile))
        try:
            return await driver.run(flow)
        finally:
            await driver.aclose()

    @property
    def issuer(self) -> str:
        return self.bank.issuer

    @property
    def metadata(self) -> ServerMetadata:
        """The metadata of the server. `fapikit.audit` compares it with a profile."""
        return self.bank.metadata

    async def begin(
        self,
        *,
        scope: str | Iterable[str] = "openid",
        resources: Iterable[str] = (),
        authorization_details: Details = (),
        **parameters: Unpack[RequestParameters],
    ) -> Start:
        flow = begin(
            self.bank,
            scope=scope,
            resources=resources,
            authorization_details=authorization_details,
            parameters=Concealed(parameters),
        )
        # Here and below: an error tracker shows the variables of this frame. `id_token_hint` is personal data.
        del parameters
        return await self._run(flow)

    async def take_hosted_request(self, name: str) -> str | None:
        """See `hosted_request.take_hosted_request`: the request object that a page of yours serves to the server."""
        return await self._run(take_hosted_request(self.bank, name))

    async def complete(
        self, callback: Callback, transaction: Transaction, *, resource: str | None = None
    ) -> Login:
        flow = complete(self.bank, conceal(callback), transaction, resource=resource)
        del callback
        return await self._run(flow)

    async def refresh(
        self,
        tokens: TokenSet,
        *,
        resource: str | None = None,
        scope: str | None = None,
        authorization_details: Details = (),
    ) -> TokenSet:
        flow = refresh(
            self.bank, tokens, resource=resource, scope=scope, authorization_details=authorization_details
        )
        return await self._run(flow)

    async def userinfo(self, login: Login, *, tokens: TokenSet | None = None) -> UserInfo:
        return await self._run(userinfo(self.bank, login, tokens=tokens))

    async def claims_from_sources(self, of: UserInfo | IdToken) -> SourcedClaims:
        return await self._run(claims_from_sources(self.bank, of))

    def begin_logout(
        self, id_token: IdToken | None = None, *, post_logout_redirect_uri: str | None = None
    ) -> LogoutStart:
        """See `logout.begin_logout`. `logout.complete_logout` checks the response to it."""
        return begin_logout(self.bank, id_token, post_logout_redirect_uri=post_logout_redirect_uri)

    async def read_logout(self, form: bytes | Mapping[str, str]) -> LoggedOut:
        flow = read_logout(self.bank, conceal(form))
        del form
        return await self._run(flow)

    async def revoke(self, tokens: TokenSet) -> None:
        await self._run(revoke(self.bank, tokens))

    async def client_credentials(
        self, *, scope: str | None = None, resource: str | None = None, authorization_details: Details = ()
    ) -> TokenSet:
        return await self._run(
            client_credentials(
                self.bank, scope=scope, resource=resource, authorization_details=authorization_details
            )
        )

    async def exchange(self, subject_token: HandedIn, **parameters: Unpack[ExchangeParameters]) -> TokenSet:
        flow = exchange(self.bank, Concealed(subject_token), Concealed(parameters))
        del subject_token, parameters
        return await self._run(flow)

    async def jwt_bearer(self, assertion: Secret | str, **parameters: Unpack[TokenParameters]) -> TokenSet:
        flow = jwt_bearer(self.bank, conceal(assertion), **parameters)
        del assertion
        return await self._run(flow)

    async def grant(
        self, grant_type: str, *, scope: str | None = None, resource: str | None = None, **parameters: str
    ) -> TokenSet:
        flow = extension_grant(
            self.bank, grant_type, scope=scope, resource=resource, parameters=Concealed(parameters)
        )
        del parameters
        return await self._run(flow)

    async def introspect(
        self, token: TokenSet | Secret | str, *, resource: str | None = None
    ) -> Introspection:
        flow = introspect(self.bank, token, resource=resource)
        del token
        return await self._run(flow)

    async def save_tokens(self, user: str, tokens: TokenSet, *, resource: str | None = None) -> TokenSet:
        return await self._run(save_tokens(self.bank, user, tokens, resource=resource))

    async def load_tokens(self, user: str, *, resource: str | None = None) -> TokenSet | None:
        return await self._run(load_tokens(self.bank, user, resource=resource))

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
    ) -> api_auth.AsyncApiClient:
        """An async client of httpx (or of `library`). See `Client.api`."""
        target = api_auth.api_target(self.bank, tokens, base_url, resource, max_bytes, message_signing)
        httpx_options = api_auth.with_customer(httpx_options, customer_ip_address, auth_date)
        library = library or library_of(self._http.async_client)
        options = api_auth.connection_options(
            httpx_options, self._apis.async_transport, library, self._http, self.bank.profile
        )
        return self._http.watched(api_auth.async_client(library, target, self._driver.run, base_url, options))

    async def aclose(self) -> None:
        """Close the connections that this client opened on this loop."""
        await self._apis.aclose()
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({self.bank.settings.client_id} at {self.issuer}, {self.bank.profile})"

    async def _run(self, flow: Flow[T]) -> T:
        with citing(self.bank.profile):
            return await self._driver.run(flow)
