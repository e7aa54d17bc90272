"""FAPI 1.0 Baseline between rpkit and askit over TLS: each way to sign in that it allows, public clients among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from cryptography.x509.oid import NameOID

from askit.pytest_plugin.faults import FaultyServer
from askit.pytest_plugin.movable_clock import MovableClock
from askit.pytest_plugin.running import REDIRECT_URI, RunningServer
from fapikit import HttpSettings, PrivateKeyJWT, SelfSignedTlsClientAuth, TlsClientAuth
from fapikit.client_authentication import ClientSecretJWT, PublicClient
from fapikit.errors import PeerRefused
from rpkit.errors import GrantEnded, UnaskedScope
from tests.keys import a_key, claims_of
from tests.mothers.certificates import Made, a_certificate, a_name, as_client_certificate, jwk_of
from tests.mothers.certified_askit import certified_askit
from tests.mothers.clients import CLIENT_KEY, KINDS, Clients
from tests.mothers.fapi1 import BASELINE
from tests.mothers.mtls_bank import thumbprint
from tests.rpkit.mutual_tls.parties import CA, MINE, NOW, SELF_SIGNED, STRANGER

Connect = Callable[..., Any]
OTHER_NAME = a_certificate(issuer=CA, now=NOW, subject=a_name((NameOID.COMMON_NAME, "other")), serial=9)
SECRET = "a secret of more than thirty-two octets, as HS256 asks"
AUTH: dict[str, Any] = {
    "none": PublicClient(),
    "client_secret_jwt": ClientSecretJWT(SECRET),
    "private_key_jwt": PrivateKeyJWT(a_key(*CLIENT_KEY)),
    "tls_client_auth": TlsClientAuth(),
    "self_signed_tls_client_auth": SelfSignedTlsClientAuth(),
}
BINDINGS = (None, "dpop", "mtls")
Running = RunningServer[FaultyServer]


def _name(method: str, binding: str | None) -> str:
    return f"{method}.{binding}"


def _shown(method: str) -> Made:
    return SELF_SIGNED if method == "self_signed_tls_client_auth" else MINE


def _registered(method: str, binding: str | None) -> dict[str, Any]:
    credentials: dict[str, Any] = {
        "none": {},
        "client_secret_jwt": {"client_secret": SECRET},
        "private_key_jwt": {"jwks": {"keys": [dict(a_key(*CLIENT_KEY).public_jwk)]}},
        "tls_client_auth": {"tls_client_auth_subject_dn": "CN=fintech,O=Fintech,C=JP"},
        "self_signed_tls_client_auth": {"jwks": {"keys": [jwk_of(SELF_SIGNED)]}},
    }[method]
    return {
        "client_id": _name(method, binding),
        "client_name": method,
        "redirect_uris": [REDIRECT_URI],
        "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": method,
        "id_token_signed_response_alg": "ES256",
        "tls_client_certificate_bound_access_tokens": binding == "mtls",
        **credentials,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with certified_askit(
        tmp_path_factory.mktemp("bank"),
        FaultyServer,
        client_ca=CA,
        clients=[_registered(*each) for each in product(AUTH, BINDINGS)],
        clock=MovableClock(),
        profile="fapi1-baseline",
    ) as running:
        yield running


@pytest.fixture(params=KINDS)
def clients(request: pytest.FixtureRequest) -> Iterator[Clients]:
    made = Clients(request.param)
    yield made
    made.close()


@pytest.fixture
def connect(clients: Clients, server: Running) -> Iterator[Callable[..., Any]]:
    """Makes a client that shows a certificate where it signs in or binds its tokens by one."""
    made: list[Any] = []

    def connect(method: str, binding: str | None = None, *, shows: Made | None = None, **options: Any) -> Any:
        mutual = binding == "mtls" or "tls" in method
        shown = as_client_certificate(shows or _shown(method)) if mutual else None
        given = {
            **BASELINE,
            "client_id": _name(method, binding),
            "auth": AUTH[method],
            "sender_constraint": binding,
            "redirect_uri": REDIRECT_URI,
            "http": HttpSettings(ca=server.ca, client_certificate=shown),
            **options,
        }
        made.append(clients.discover(server.issuer, **given))
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def signed_in(client: Any, server: Running) -> Any:
    start = client.begin(scope="openid accounts")
    return client.complete(server.browse(start.url), start.transaction)


@pytest.mark.spec("FAPI1-BL 5.2.4-1, 5.2.3-1, -2, 5.2.2-2, 5.2.2-4; RFC 8705 2a, 3a")
@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("response_type", ["code", "code id_token"])
@pytest.mark.parametrize("method", AUTH)
def test_each_way_to_sign_in(
    method: str, response_type: str, binding: str | None, connect: Connect, server: Running
) -> None:
    client = connect(method, binding, response_type=response_type)
    login = signed_in(client, server)
    assert client.userinfo(login).subject == login.id_token.subject
    for tokens in (login.tokens, client.refresh(login.tokens)):
        assert (tokens.dpop is not None) == (binding == "dpop")
        (token,) = tokens.access_tokens
        bound_to = {
            None: None,
            "dpop": {"jkt": tokens.dpop and tokens.dpop.jkt},
            "mtls": {"x5t#S256": thumbprint(_shown(method))},
        }
        assert claims_of(token.value.reveal()).get("cnf") == bound_to[binding]


@pytest.mark.spec("FAPI1-BL 5.2.4-1; RFC 8705 4")
def test_a_public_clients_refresh_token_is_bound_to_its_certificate(
    connect: Connect, server: Running
) -> None:
    """The thief has the tokens, and a certificate of the same authority with the same name."""
    client = connect("none", "mtls")
    tokens = signed_in(client, server).tokens
    with pytest.raises(GrantEnded, match="another certificate"):
        connect("none", "mtls", shows=STRANGER).refresh(tokens)
    (token,) = client.refresh(tokens).access_tokens
    assert token.x5t_s256 == thumbprint(MINE)


@pytest.mark.spec("FAPI1-BL 5.2.2-4; RFC 8705 2a")
@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_another_certificate_does_not_sign_in(method: str, connect: Connect) -> None:
    client = connect(method, "mtls", shows=OTHER_NAME)
    with pytest.raises(PeerRefused) as refused:
        client.begin(scope="openid accounts")
    assert refused.value.peer_code == "invalid_client"


@pytest.mark.spec("FAPI1-BL 5.2.3-10")
def test_more_scope_than_was_asked(connect: Connect, server: Running) -> None:
    client = connect("private_key_jwt")
    server.app.faults["token_response"] = lambda body: {**body, "scope": f"{body.get('scope', '')} payments"}
    start = client.begin(scope="openid accounts")
    with pytest.raises(UnaskedScope):
        client.complete(server.browse(start.url), start.transaction)
    server.app.faults.clear()
