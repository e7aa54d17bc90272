"""rpkit and askit together over sockets, in every combination of signing in and binding; and clients of others."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
from authlib.integrations.httpx_client import OAuth2Client as AuthlibClient
from cryptography.x509.oid import NameOID
from requests_oauth2client import OAuth2Client, PublicApp

from askit import AuthorizationServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import REDIRECT_URI, RunningServer
from fapikit import HttpSettings
from fapikit.errors import PeerRefused
from fapikit.urns import TOKEN_EXCHANGE
from rpkit import certificate_metadata
from tests.keys import claims_of
from tests.mothers.certificates import Made, a_certificate, a_name, as_client_certificate
from tests.mothers.certified_askit import certified_askit
from tests.mothers.clients import Clients
from tests.mothers.mtls_bank import thumbprint
from tests.rpkit.mutual_tls.parties import AUTH, CA, COMBINATIONS, KEY, MINE, NEXT, NOW, STRANGER

Running = RunningServer[AuthorizationServer]
OTHER_NAME = a_certificate(issuer=CA, now=NOW, subject=a_name((NameOID.COMMON_NAME, "other")), serial=9)
SHOWN: dict[str, Made] = {"self_signed_tls_client_auth": STRANGER}
"""A certificate under the authority may be registered by itself too."""


def name_of(method: str, binding: str) -> str:
    return f"{method}.{binding}"


def registered(method: str, binding: str) -> dict[str, Any]:
    own = as_client_certificate(SHOWN.get(method, MINE))
    mutual = None if method == "private_key_jwt" else method
    members = certificate_metadata(own, mutual, bound=binding == "mtls")
    keys = [*members.pop("jwks", {"keys": []})["keys"]]
    if method == "private_key_jwt":
        keys.append(dict(KEY.public_jwk))
    return {
        "client_id": name_of(method, binding),
        "client_name": "Fintech",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", TOKEN_EXCHANGE],
        "token_endpoint_auth_method": method,
        "id_token_signed_response_alg": "ES256",
        **({"jwks": {"keys": keys}} if keys else {}),
        **members,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("askit")
    everybody = [registered(*each) for each in COMBINATIONS]
    with certified_askit(
        folder,
        AuthorizationServer,
        client_ca=CA,
        clients=everybody,
        clock=MovableClock(),
        resources=[
            {
                "uri": "https://api.example.test/",
                "scopes": ["accounts"],
                "introspection_clients": [name_of(*each) for each in COMBINATIONS],
            }
        ],
    ) as running:
        yield running


Connect = Callable[..., Any]


@pytest.fixture
def connect(clients: Clients, server: Running) -> Iterator[Connect]:
    made: list[Any] = []

    def connect(method: str, binding: str, *, shows: Made | None = None) -> Any:
        shown = as_client_certificate(shows or SHOWN.get(method, MINE))
        made.append(
            clients.discover(
                server.issuer,
                client_id=name_of(method, binding),
                auth=AUTH[method],
                sender_constraint=binding,
                redirect_uri=REDIRECT_URI,
                http=HttpSettings(ca=server.ca, client_certificate=shown),
            )
        )
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def signed_in(client: Any, server: Running) -> Any:
    start = client.begin(scope="openid accounts", resources=["https://api.example.test/"])
    return client.complete(server.browse(start.url), start.transaction)


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 3a", "FAPI2-SP 5.3.3.1-1", "FAPI2-SP 5.3.3.1-2")
@pytest.mark.parametrize(("method", "binding"), COMBINATIONS)
def test_the_whole_way(method: str, binding: str, connect: Connect, server: Running) -> None:
    client = connect(method, binding)
    login = signed_in(client, server)
    assert client.userinfo(login).subject == "alice"
    tokens = client.refresh(login.tokens)
    with client.api(tokens, base_url=server.issuer, resource="https://api.example.test/") as api:
        assert api.get("/userinfo").json()["sub"] == "alice"
    found = client.introspect(tokens)
    x5t = thumbprint(SHOWN.get(method, MINE))
    assert found.claims["cnf"] == ({"jkt": tokens.dpop.jkt} if binding == "dpop" else {"x5t#S256": x5t})
    (token,) = tokens.access_tokens
    assert token.x5t_s256 == (x5t if binding == "mtls" else None)
    assert claims_of(token.value.reveal())["cnf"] == found.claims["cnf"]
    client.revoke(tokens)


def test_a_replaced_certificate_gets_tokens_of_its_own(connect: Connect, server: Running) -> None:
    """Both are issued to the name that is registered."""
    client = connect("tls_client_auth", "mtls")
    tokens = signed_in(client, server).tokens
    client.bank.settings.client_certificate.replace(as_client_certificate(NEXT))
    with client.api(tokens, base_url=server.issuer, resource="https://api.example.test/") as api:
        assert api.get("/userinfo").status_code == 200
        assert client.introspect(api.tokens).claims["cnf"] == {"x5t#S256": thumbprint(NEXT)}


def test_a_token_is_exchanged_over_its_own_certificate_alone(connect: Connect, server: Running) -> None:
    client = connect("tls_client_auth", "mtls")
    tokens = signed_in(client, server).tokens
    narrow = client.exchange(tokens, scope="accounts")
    assert narrow.access_tokens[0].x5t_s256 == thumbprint(MINE)
    assert claims_of(narrow.access_tokens[0].value.reveal())["cnf"] == {"x5t#S256": thumbprint(MINE)}
    client.bank.settings.client_certificate.replace(as_client_certificate(NEXT))
    with pytest.raises(PeerRefused, match="bound to another certificate"):
        client.exchange(tokens, scope="accounts")


def test_a_stolen_token_is_of_no_use_over_another_certificate(connect: Connect, server: Running) -> None:
    """The thief has everything of the fintech but the certificate."""
    tokens = connect("private_key_jwt", "mtls").client_credentials(
        scope="accounts", resource="https://api.example.test/"
    )
    thief = HttpSettings(ca=server.ca, client_certificate=as_client_certificate(OTHER_NAME))
    with httpx.Client(verify=thief.tls_context(), trust_env=False) as client:
        stolen = tokens.access_tokens[0].value.reveal()
        answer = client.get(f"{server.issuer}/userinfo", headers={"authorization": f"Bearer {stolen}"})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_somebody_elses_certificate_does_not_sign_in(method: str, connect: Connect, server: Running) -> None:
    client = connect(method, "mtls", shows=OTHER_NAME)
    with pytest.raises(PeerRefused) as refused:
        client.client_credentials(scope="accounts")
    assert refused.value.peer_code == "invalid_client"


# Clients that share no code with this project. Neither knows the methods by name; each sends `client_id` alone, and
# the library of HTTP below it shows the certificate.


@pytest.fixture
def pair(tmp_path: Any) -> tuple[str, str]:
    (tmp_path / "cert.pem").write_text(MINE.pem)
    (tmp_path / "key.pem").write_text(MINE.key_pem)
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


def bound(server: Running, token: str, connect: Connect) -> Any:
    return connect("tls_client_auth", "mtls").introspect(token).claims["cnf"]


def test_requests_oauth2client_signs_in_by_certificate(
    server: Running, pair: tuple[str, str], connect: Connect
) -> None:
    """PAR, code, UserInfo and refresh under FAPI 2, with tokens bound to the certificate."""
    with requests.Session() as session:
        session.verify, session.cert, session.trust_env = str(server.ca), pair, False
        peer = OAuth2Client.from_discovery_endpoint(
            issuer=server.issuer,
            auth=PublicApp(name_of("tls_client_auth", "mtls")),
            redirect_uri=REDIRECT_URI,
            session=session,
            id_token_signed_response_alg="ES256",
        )
        asked = peer.authorization_request(scope="openid accounts")
        pushed = peer.pushed_authorization_request(asked)
        callback = server.browse(str(pushed.uri))
        token = peer.authorization_code(asked.validate_callback(str(callback)))
        assert token.token_type == "Bearer"
        assert bound(server, token.access_token, connect) == {"x5t#S256": thumbprint(MINE)}
        assert peer.userinfo(token)["sub"] == "alice"
        assert peer.refresh_token(token.refresh_token).access_token != token.access_token


def test_authlib_gets_a_token_by_certificate(
    server: Running, pair: tuple[str, str], connect: Connect
) -> None:
    """It has no PAR, so it takes a grant without a user."""
    tls = ssl.create_default_context(cafile=str(server.ca))
    tls.load_cert_chain(*pair)
    with AuthlibClient(
        client_id=name_of("tls_client_auth", "mtls"),
        token_endpoint_auth_method="none",
        scope="accounts",
        verify=tls,
        trust_env=False,
    ) as peer:
        token = peer.fetch_token(f"{server.issuer}/token", grant_type="client_credentials")
    assert bound(server, token["access_token"], connect) == {"x5t#S256": thumbprint(MINE)}
