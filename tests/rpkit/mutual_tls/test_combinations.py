"""Signing in by key or certificate, tokens bound by DPoP or certificate: all of it over sockets, with both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit import FAPI1_ADVANCED, HttpSettings
from fapikit.errors import ConfigurationError, FapiError, ForbiddenByProfile, PeerRefused, Remedy, Unreachable
from rpkit import RegisteredBank
from rpkit.errors import UnboundToken
from tests.keys import claims_of
from tests.mothers.certificates import a_certificate, as_client_certificate
from tests.mothers.clients import Clients
from tests.mothers.fake_bank import FakeBank
from tests.mothers.mtls_bank import MUTUAL_TLS, SERVER_CA_PEM, MtlsBank, thumbprint
from tests.rpkit.mutual_tls.parties import AUTH, COMBINATIONS, KEY, MINE, NOW, SELF_SIGNED, STRANGER

Connect = Callable[..., Any]


def signed_in(client: Any, bank: FakeBank) -> Any:
    start = client.begin(scope="openid accounts")
    return client.complete(bank.authorize(start.url), start.transaction)


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 3a", "RFC 8705 5", "FAPI2-SP 5.3.3.1-1", "FAPI2-SP 5.3.3.1-2")
@pytest.mark.parametrize(("method", "binding"), COMBINATIONS)
def test_every_call_of_a_client(method: str, binding: str, connect: Connect, bank: MtlsBank) -> None:
    """The bank refuses the wrong host, the wrong certificate and the wrong way to sign in."""
    bank.method, bank.dpop = method, binding == "dpop"
    client = connect()
    login = signed_in(client, bank)
    assert client.userinfo(login).subject == "alice"
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
    tokens = client.refresh(login.tokens)
    bank.faults["introspection"] = lambda members: members if binding == "mtls" else bound_by_dpop(tokens)
    assert client.introspect(tokens).active
    client.revoke(tokens)

    in_any_role = method in MUTUAL_TLS or binding == "mtls"
    shown = thumbprint(SELF_SIGNED if method == "self_signed_tls_client_auth" else MINE)
    for call in bank.seen:
        back_channel = {"par", "token", "userinfo", "introspect", "revoke"} & {call.path.rsplit("/", 1)[-1]}
        of_the_api = call.path == "/accounts"
        mtls = in_any_role if back_channel else of_the_api and binding == "mtls"
        assert call.certificate == (shown if mtls else None), call.path
        if back_channel - {"userinfo"}:
            assert ("client_assertion" in call.form) == (method == "private_key_jwt")
            assert call.form["client_id"] == "fintech"
        if "authorization" in call.headers:
            scheme = "DPoP " if binding == "dpop" else "Bearer "
            assert call.headers["authorization"].startswith(scheme)
            assert ("dpop" in call.headers) == (binding == "dpop")
    x5t = shown if binding == "mtls" else None
    assert login.tokens.access_tokens[0].x5t_s256 == tokens.access_tokens[0].x5t_s256 == x5t
    told = {check.name for check in login.report if check.outcome == "passed"}
    assert any("bound" in line for line in told), told


def bound_by_dpop(tokens: Any) -> dict[str, Any]:
    return {"active": True, "cnf": {"jkt": tokens.dpop.jkt}}


@pytest.mark.spec("RFC 8705 5")
@pytest.mark.parametrize("aliased", [True, False])
def test_an_alias_is_called_where_one_is_listed(aliased: bool, connect: Connect, bank: MtlsBank) -> None:
    """A bank without aliases asks for certificates at its own endpoints."""
    if not aliased:
        origin = bank.mtls_origin

        def on_one_host(metadata: dict[str, Any]) -> dict[str, Any]:
            aliases = metadata.pop("mtls_endpoint_aliases")
            assert all(url.startswith(origin) for url in aliases.values())
            return {**metadata, **aliases}

        bank.faults["metadata"] = on_one_host
    assert signed_in(connect(), bank).tokens.access_tokens


@pytest.mark.parametrize("response_mode", [None, "form_post", "jwt", "query.jwt", "form_post.jwt"])
def test_fapi_1_advanced_by_hybrid_flow_and_by_jarm(
    response_mode: str | None, connect: Connect, bank: MtlsBank
) -> None:
    """Its only binding needs not be named."""
    client = connect(
        profile="fapi1-advanced",
        request_signer=KEY,
        response_mode=response_mode,
        id_token_signed_response_alg="ES256",
        authorization_signed_response_alg="ES256",
        **{"sender_constraint": "mtls"} if response_mode == "jwt" else {},
    )
    settings = client.bank.settings
    assert settings.hybrid == (response_mode in (None, "form_post"))
    assert settings.sender_constraint == "mtls"
    start = client.begin(scope="openid accounts")
    answer = bank.authorize(start.url)
    form = response_mode is not None and response_mode.startswith("form_post")
    login = client.complete(answer.encode() if form else answer, start.transaction)
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
    assert "request" in bank.calls("par")[-1].form
    assert claims_of(bank.calls("par")[-1].form["request"])["client_id"] == "fintech"


def test_the_binding_of_a_profile_that_knows_one(bank: MtlsBank) -> None:
    assert FAPI1_ADVANCED.sender_constraints == {"mtls"}
    from rpkit.defaults import client_settings

    made = client_settings(
        client_id="fintech",
        auth=AUTH["tls_client_auth"],
        redirect_uri=None,
        profile="fapi1-advanced",
        http=HttpSettings(client_certificate=as_client_certificate(MINE)),
        options={"request_signer": KEY},
    )
    assert made.sender_constraint == "mtls"


WITHOUT_A_CERTIFICATE = {
    "tls_client_auth": ({"auth": AUTH["tls_client_auth"]}, "RFC 8705 2a", "tls_client_auth"),
    "self_signed_tls_client_auth": (
        {"auth": AUTH["self_signed_tls_client_auth"]},
        "RFC 8705 2a",
        "self_signed_tls_client_auth",
    ),
    "tokens bound to one": ({"sender_constraint": "mtls"}, "RFC 8705 3a", "sender_constraint"),
}


@pytest.mark.spec("RFC 8705 2a", "RFC 8705 3a")
@pytest.mark.parametrize(
    ("options", "clause", "told"), WITHOUT_A_CERTIFICATE.values(), ids=WITHOUT_A_CERTIFICATE
)
def test_a_certificate_is_missing(
    options: dict[str, Any], clause: str, told: str, clients: Clients, bank: MtlsBank
) -> None:
    with pytest.raises(ConfigurationError, match=r"HttpSettings\(client_certificate=\.\.\.\)") as refused:
        clients.of(bank, http=HttpSettings(ca=SERVER_CA_PEM), **options)
    assert refused.value.clause == clause
    assert told in str(refused.value)
    assert bank.seen == []


def test_a_context_of_ones_own_may_have_the_certificate(connect: Connect, bank: MtlsBank) -> None:
    """Nobody told which one it is: the bank decides, and it is taken for the present one whatever is replaced."""
    certificate = as_client_certificate(MINE)
    context = certificate.tls_context(SERVER_CA_PEM, FAPI1_ADVANCED)
    bank.method = "tls_client_auth"
    client = connect(http=HttpSettings(tls=context))
    login = signed_in(client, bank)
    assert login.tokens.access_tokens[0].x5t_s256 is None
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get("/accounts").status_code == 200
    assert bank.seen[-1].certificate == thumbprint(MINE)


@pytest.mark.parametrize("http", [None, HttpSettings(ca=SERVER_CA_PEM)])
def test_a_certificate_is_missing_in_a_registry(http: HttpSettings | None) -> None:
    with pytest.raises(ConfigurationError, match=r"HttpSettings\(client_certificate=\.\.\.\)"):
        RegisteredBank(
            issuer="https://bank.example",
            client_id="fintech",
            auth=AUTH["tls_client_auth"],
            redirect_uri="https://fintech.example/callback",
            http=http,
        )


REFUSED: dict[str, tuple[dict[str, Any], Any, type[FapiError], str]] = {
    "a bank that binds nothing": (
        {},
        {"metadata": lambda m: {**m, "tls_client_certificate_bound_access_tokens": False}},
        ConfigurationError,
        "RFC 8705 3.3",
    ),
    "a bank that takes other methods": (
        {},
        {"metadata": lambda m: {**m, "token_endpoint_auth_methods_supported": ["private_key_jwt"]}},
        ConfigurationError,
        "FAPI2-SP 5.3.2.1-6",
    ),
    "an alias in clear text": (
        {},
        {"metadata": lambda m: {**m, "mtls_endpoint_aliases": {"token_endpoint": "http://bank.example/"}}},
        FapiError,
        "",
    ),
    "a profile with another binding": (
        {"profile": "fapi1-advanced", "sender_constraint": "dpop", "request_signer": KEY},
        {},
        ForbiddenByProfile,
        "FAPI1-ADV 8.2",
    ),
}


@pytest.mark.parametrize(("options", "faults", "error", "clause"), REFUSED.values(), ids=REFUSED)
def test_a_client_that_could_not_work_is_not_made(
    options: Any, faults: Any, error: type[FapiError], clause: str, connect: Connect, bank: MtlsBank
) -> None:
    bank.faults |= faults
    with pytest.raises(error) as refused:
        connect(**options)
    assert clause in refused.value.clause


def test_a_bank_that_does_not_say_whether_it_binds(connect: Connect, bank: MtlsBank) -> None:
    bank.faults["metadata"] = lambda m: {
        name: value for name, value in m.items() if name != "tls_client_certificate_bound_access_tokens"
    }
    assert signed_in(connect(), bank).tokens.access_tokens


def showing(certificate: Any) -> HttpSettings:
    return HttpSettings(ca=SERVER_CA_PEM, client_certificate=as_client_certificate(certificate))


def test_the_certificate_of_somebody_else_is_refused_by_the_bank(connect: Connect, bank: MtlsBank) -> None:
    client = connect(http=showing(STRANGER))
    with pytest.raises(PeerRefused) as refused:
        client.begin(scope="openid accounts")
    assert refused.value.peer_code == "invalid_client"
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION


def test_a_certificate_of_an_unknown_authority_ends_the_handshake(connect: Connect, bank: MtlsBank) -> None:
    client = connect(http=showing(a_certificate(now=NOW)))
    with pytest.raises(Unreachable, match="refuses the client certificate") as refused:
        client.begin(scope="openid accounts")
    assert refused.value.remedy is Remedy.FIX_CONFIGURATION


@pytest.mark.spec("RFC 8705 3.2")
@pytest.mark.parametrize(
    "cnf", [{}, {"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}, {"jkt": "x"}]
)
def test_introspection_tells_whether_a_token_is_bound(
    cnf: dict[str, str], connect: Connect, bank: MtlsBank
) -> None:
    client = connect()
    tokens = signed_in(client, bank).tokens
    assert client.introspect(tokens).claims["cnf"] == {"x5t#S256": thumbprint(MINE)}
    bank.faults["introspection"] = lambda members: {**members, "cnf": cnf}
    with pytest.raises(UnboundToken, match="client certificate") as refused:
        client.introspect(tokens)
    assert refused.value.clause == "RFC 8705 3.2"
    assert refused.value.facts["member"] == "cnf.x5t#S256"


def test_a_token_of_type_dpop_is_not_what_was_asked_for(connect: Connect, bank: MtlsBank) -> None:
    from rpkit.errors import WrongTokenType

    bank.faults["token"] = lambda members: {**members, "token_type": "DPoP"}
    with pytest.raises(WrongTokenType):
        signed_in(connect(), bank)


def test_an_api_client_with_options_of_its_own_shows_the_certificate_too(
    connect: Connect, bank: MtlsBank
) -> None:
    import httpx

    client = connect()
    tokens = signed_in(client, bank).tokens
    with client.api(tokens, base_url=bank.api_origin, limits=httpx.Limits(max_connections=1)) as api:
        assert api.get("/accounts").status_code == 200
