"""An authorization server made of Authlib, on Flask and TLS: the specifications as another project reads them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import rfc6749, rfc6750, rfc7009, rfc7523, rfc7591, rfc7636, rfc7662, rfc9101, rfc9207
from authlib.oauth2.rfc6749 import grants
from authlib.oidc.core import UserInfo, UserInfoEndpoint
from authlib.oidc.core.grants import OpenIDCode, OpenIDToken
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey, KeySet, OctKey
from werkzeug.serving import WSGIRequestHandler, make_server

from fapikit.io.tls import client_context, server_context
from tests.keys import a_key

REDIRECT_URI = "https://fintech.example/callback"
SECRET = "a-secret-of-more-than-thirty-two-octets-as-HS256-asks"
"""Without a space: Authlib decodes the halves of Basic as URLs are, so it would keep the plus of form encoding."""

CLIENT_KEY = a_key("ES256", 1)
METHODS = ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none")
_METHODS = ["client_secret_basic", "client_secret_post", "client_assertion_jwt", "none"]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class User:
    name: str = "alice"


@dataclass
class Client(rfc6749.ClientMixin):
    client_id: str
    client_metadata: dict[str, Any]
    client_secret: str = SECRET

    @property
    def id_token_signed_response_alg(self) -> str:
        return str(self.client_metadata.get("id_token_signed_response_alg", "ES256"))

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return REDIRECT_URI

    def get_allowed_scope(self, scope: str) -> str:
        return scope or ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == REDIRECT_URI

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        registered = self.client_metadata["token_endpoint_auth_method"]
        return method == ("client_assertion_jwt" if registered.endswith("jwt") else registered)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class Code(rfc6749.AuthorizationCodeMixin):
    code: str
    asked: dict[str, str]
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def get_redirect_uri(self) -> str:
        return self.asked["redirect_uri"]

    def get_scope(self) -> str:
        return self.asked["scope"]

    def get_nonce(self) -> Any:
        return self.asked.get("nonce")

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> str:
        return "urn:acr:high"

    def get_amr(self) -> list[str]:
        return ["pwd"]

    @property
    def code_challenge(self) -> Any:
        return self.asked.get("code_challenge")

    @property
    def code_challenge_method(self) -> Any:
        return self.asked.get("code_challenge_method")


@dataclass
class Token(rfc6749.TokenMixin):
    client: Client
    user: User | None
    members: dict[str, Any]
    revoked: bool = False

    @property
    def scope(self) -> str:
        return str(self.members.get("scope", ""))

    def check_client(self, client: Client) -> bool:
        return client is self.client

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return int(self.members["expires_in"])

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return self.revoked

    def get_user(self) -> User | None:
        return self.user

    def get_client(self) -> Client:
        return self.client


class AuthlibBank:
    """Everything in memory; `clients` has one for each way to sign in."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.key = ECKey.generate_key("P-256", {"kid": "authlib-1", "use": "sig", "alg": "ES256"})
        self.codes: dict[str, Code] = {}
        self.tokens: list[Token] = []
        self.jtis: set[str] = set()
        self.clients = {
            name: Client(name, {"token_endpoint_auth_method": name, "jwks": [dict(CLIENT_KEY.public_jwk)]})
            for name in METHODS
        }
        signed = {"token_endpoint_auth_method": "private_key_jwt", "userinfo_signed_response_alg": "ES256"}
        self.clients["signed-userinfo"] = Client("signed-userinfo", signed)
        self.auth_time = int(time.time()) - 5
        self.app = self._app()

    def find(self, value: str) -> Token | None:
        for token in self.tokens:
            if value in (token.members["access_token"], token.members.get("refresh_token")):
                return token
        return None

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "introspection_endpoint": f"{self.issuer}/introspect",
            "registration_endpoint": f"{self.issuer}/register",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": list(METHODS),
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "userinfo_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _app(self) -> Flask:
        bank, app = self, Flask(__name__)
        app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
        server = AuthorizationServer(app, query_client=self.clients.get, save_token=self._save_token)
        _register_extensions(bank, server)

        @app.get("/.well-known/openid-configuration")
        def configuration() -> Any:
            return jsonify(bank.metadata())

        @app.get("/jwks")
        def jwks() -> Any:
            return jsonify(KeySet([bank.key]).as_dict(private=False))

        @app.get("/authorize")
        def authorize() -> Any:
            user = User()
            grant = server.get_consent_grant(end_user=user)
            denied = request.args.get("login_hint") == "nobody"
            return server.create_authorization_response(grant_user=None if denied else user, grant=grant)

        @app.post("/token")
        def token() -> Any:
            return server.create_token_response()

        for name in ("revocation", "introspection", "client_registration", "userinfo"):
            path = {"revocation": "revoke", "introspection": "introspect", "client_registration": "register"}
            app.add_url_rule(
                f"/{path.get(name, name)}",
                name,
                lambda name=name: server.create_endpoint_response(name),
                methods=["GET", "POST"],
            )
        return app

    def _save_token(self, token: dict[str, Any], oauth_request: Any) -> None:
        self.tokens.append(Token(oauth_request.client, oauth_request.user, dict(token)))


def _register_extensions(bank: AuthlibBank, server: Any) -> None:
    server.register_grant(
        _code_grant(bank), [_id_tokens(bank, OpenIDCode), rfc7636.CodeChallenge(required=True)]
    )
    server.register_grant(_refresh_grant(bank), [_id_tokens(bank, OpenIDToken)])
    server.register_grant(_client_credentials_grant())
    server.register_grant(_jwt_bearer_grant(bank))
    server.register_client_auth_method("client_assertion_jwt", _assertions(bank))
    server.register_extension(_iss(bank))
    server.register_extension(_request_objects(bank))
    for endpoint in _endpoints(bank):
        server.register_endpoint(endpoint)


def _code_grant(bank: AuthlibBank) -> Any:
    class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

        def save_authorization_code(self, code: str, request: Any) -> None:
            # The payload itself is a view of the current request, and gone with it.
            bank.codes[code] = Code(code, dict(request.payload.data))

        def query_authorization_code(self, code: str, client: Client) -> Any:
            return bank.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del bank.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> User:
            return User()

    return CodeGrant


def _refresh_grant(bank: AuthlibBank) -> Any:
    class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> Any:
            found = bank.find(refresh_token)
            return found if found is not None and not found.revoked else None

        def authenticate_user(self, refresh_token: Token) -> Any:
            return refresh_token.user

        def revoke_old_credential(self, refresh_token: Token) -> None:
            refresh_token.revoked = True

    return RefreshGrant


def _client_credentials_grant() -> Any:
    class ClientCredentials(grants.ClientCredentialsGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    return ClientCredentials


def _jwt_bearer_grant(bank: AuthlibBank) -> Any:
    class JwtBearer(rfc7523.JWTBearerGrant):  # type: ignore[misc]
        def resolve_issuer_client(self, issuer: str) -> Any:
            return bank.clients.get(issuer)

        def resolve_client_public_key(self, client: Client) -> Any:
            return KeySet.import_key_set({"keys": client.client_metadata["jwks"]})

        def authenticate_user(self, subject: str) -> User:
            return User(subject)

        def get_audiences(self) -> list[str]:
            return [bank.issuer]

        def has_granted_permission(self, client: Client, user: User) -> bool:
            return True

    return JwtBearer


def _id_tokens(bank: AuthlibBank, kind: Any) -> Any:
    class IdTokens(kind):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def resolve_client_private_key(self, client: Client) -> Any:
            return bank.key

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {"iss": bank.issuer, "aud": [client.client_id], "auth_time": bank.auth_time}

        def get_authorization_code_claims(self, authorization_code: Code) -> dict[str, Any]:
            claims = super().get_authorization_code_claims(authorization_code)
            return {**claims, "auth_time": bank.auth_time}

        def get_encode_header(self, client: Client) -> dict[str, Any]:
            return {"alg": "ES256", "kid": "authlib-1"}

        def generate_user_info(self, user: User, scope: str) -> Any:
            return UserInfo(sub=user.name)

    return IdTokens()


def _assertions(bank: AuthlibBank) -> Any:
    class Assertions(rfc7523.JWTBearerClientAssertion):  # type: ignore[misc]
        def get_audiences(self) -> list[str]:
            return [bank.issuer]

        def validate_jti(self, claims: Any, jti: str) -> bool:
            fresh = jti not in bank.jtis
            bank.jtis.add(jti)
            return fresh

        def resolve_client_public_key(self, client: Client) -> Any:
            if client.client_metadata["token_endpoint_auth_method"] == "client_secret_jwt":
                return OctKey.import_key(client.client_secret)
            jwks = client.client_metadata.get("jwks", [dict(CLIENT_KEY.public_jwk)])
            return KeySet.import_key_set({"keys": jwks} if isinstance(jwks, list) else jwks)

    return Assertions()


def _iss(bank: AuthlibBank) -> Any:
    class Issuer(rfc9207.IssuerParameter):  # type: ignore[misc]
        def get_issuer(self) -> str:
            return bank.issuer

    return Issuer()


def _request_objects(bank: AuthlibBank) -> Any:
    class RequestObjects(rfc9101.JWTAuthenticationRequest):  # type: ignore[misc]
        def resolve_client_public_key(self, client: Client) -> Any:
            return KeySet.import_key_set({"keys": [dict(CLIENT_KEY.public_jwk)]})

        def get_server_metadata(self) -> dict[str, Any]:
            return {**bank.metadata(), "request_object_signing_alg_values_supported": ["ES256"]}

        def get_client_require_signed_request_object(self, client: Client) -> bool:
            return False

    return RequestObjects()


def _endpoints(bank: AuthlibBank) -> list[Any]:
    class Revocation(rfc7009.RevocationEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = _METHODS

        def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
            return bank.find(token_string)

        def revoke_token(self, token: Token, request: Any) -> None:
            token.revoked = True

    class Introspection(rfc7662.IntrospectionEndpoint):  # type: ignore[misc]
        CLIENT_AUTH_METHODS = _METHODS

        def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
            return bank.find(token_string)

        def check_permission(self, token: Token, client: Client, request: Any) -> bool:
            return token.client is client

        def introspect_token(self, token: Token) -> dict[str, Any]:
            return {"active": True, "client_id": token.client.client_id, "scope": token.scope}

    class Registration(rfc7591.ClientRegistrationEndpoint):  # type: ignore[misc]
        def authenticate_token(self, request: Any) -> Any:
            return request.headers.get("Authorization") == "Bearer initial" or None

        def get_server_metadata(self) -> dict[str, Any]:
            return bank.metadata()

        def save_client(self, client_info: Any, client_metadata: Any, request: Any) -> Client:
            client = Client(client_info["client_id"], dict(client_metadata), client_info["client_secret"])
            bank.clients[client.client_id] = client
            return client

    class Info(UserInfoEndpoint):  # type: ignore[misc]
        def get_issuer(self) -> str:
            return bank.issuer

        def generate_user_info(self, user: User, scope: str) -> Any:
            return UserInfo(sub=user.name, name="Alice")

        def resolve_private_key(self) -> Any:
            return bank.key

    class Validator(rfc6750.BearerTokenValidator):  # type: ignore[misc]
        def authenticate_token(self, token_string: str) -> Any:
            return bank.find(token_string)

    protector = ResourceProtector()
    protector.register_token_validator(Validator())
    return [Revocation, Introspection, Registration, Info(resource_protector=protector)]


@contextmanager
def serving(directory: Path) -> Iterator[tuple[AuthlibBank, Any]]:
    """The bank over TLS, and the context that trusts it."""

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            pass

    ca = trustme.CA()
    issued = ca.issue_cert("localhost")
    certificate, key = directory / "bank.pem", directory / "bank.key"
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    tls = server_context(certificate, key)
    server = make_server("localhost", 0, lambda *_: [], threaded=True, ssl_context=tls, request_handler=Quiet)
    bank = AuthlibBank(f"https://localhost:{server.server_port}")
    server.app = bank.app
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield bank, client_context(ca=ca.cert_pem.bytes())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
