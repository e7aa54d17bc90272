"""The FAPI-CIBA client modules of the certification suite, each once, for both clients.

The bank is reached over TLS with the client's certificate. Pauses move its clock, so nothing here waits. Each rejection
is asserted by error and clause and by the silence that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fapikit import PrivateKeyJWT
from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    MalformedMessage,
    MissingClaim,
    PeerRefused,
    TooOld,
    WrongAudience,
    WrongIssuer,
)
from rpkit.errors import RequestDenied, RequestExpired, WrongNotificationToken, WrongRequestedClaim
from tests.adversary.notification_page import notification_page
from tests.adversary.walk import (
    also_meant_for_another,
    expired,
    flipped_signature,
    signed_with_rs256,
    unsigned,
    with_one_more,
    without,
)
from tests.keys import a_key, claims_of, header_of
from tests.mothers.advanced_askit import AdvancedAskit
from tests.mothers.ciba_askit import ciba_askit
from tests.mothers.ciba_bank import MtlsCibaBank
from tests.mothers.clients import Clients
from tests.mothers.mtls_bank import served_over_tls
from tests.rpkit.decoupled.naps import Naps, taking_naps
from tests.rpkit.mutual_tls.parties import CA, KEY, MINE, arguments

Connect = Callable[..., Any]
ASKED = {"scope": "openid accounts", "login_hint": "alice", "binding_message": "WDJB-MJHT"}


@pytest.fixture
def bank() -> Iterator[MtlsCibaBank]:
    with served_over_tls(
        MtlsCibaBank(registered=[MINE], method="private_key_jwt", dpop=False, nonces=False), CA
    ) as running:
        yield running


@pytest.fixture(scope="module")
def askit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdvancedAskit]:
    with ciba_askit(tmp_path_factory.mktemp("askit")) as running:
        yield running


@pytest.fixture(params=["askit", "fake"])
def adversary(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield request.getfixturevalue("bank")
        return
    server = request.getfixturevalue("askit")
    yield server
    server.server.app.faults.clear()


def _server(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("adversary" if "adversary" in request.fixturenames else "bank")


@pytest.fixture
def naps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Naps:
    return taking_naps(_server(request), monkeypatch)


@pytest.fixture
def connect(clients: Clients, request: pytest.FixtureRequest) -> Iterator[Connect]:
    server = _server(request)
    made: list[Any] = []

    def connect(**options: Any) -> Any:
        given = {"profile": "fapi-ciba", "redirect_uri": None, **options}
        if isinstance(server, AdvancedAskit):
            made.append(clients.discover(server.issuer, **{**server.arguments(), **given}))
        else:
            made.append(clients.of(server, **{**arguments(server), **given}))
        return made[-1]

    yield connect
    for client in made:
        client.close() if clients.kind == "sync" else client.aclose()


def walk(client: Any, bank: Any, **asked: Any) -> Any:
    """Ask, wait, and call the accounts API once."""
    login = client.wait(client.ciba(**{**ASKED, **asked}))
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        return api.get(bank.api_path)


def refused(client: Any, bank: Any, error: type[FapiError], clause: str, **asked: Any) -> FapiError:
    """The walk ends with this error and clause, and nothing but keys is fetched after the faulty tokens."""
    with pytest.raises(error) as caught:
        walk(client, bank, **asked)
    assert caught.value.clause == clause, caught.value
    assert bank.called_after("token") <= {"jwks"}
    return caught.value


# --- the whole way ----------------------------------------------------------------------------------


@pytest.mark.conformance("ciba-rp", "client-test")
@pytest.mark.spec(
    "CIBA 7.1a, 7.1c, 7.1e, 7.1.1a, 7.1.1b, 10.1a; FAPI-CIBA 5.2.2-9, 5.2.3.1-1, 5.2.3.1-2, 6.2-1; RFC 8705 3a"
)
@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_client_test_poll(alg: str, connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    bank.answers = ["authorization_pending"] * 2
    assert walk(connect(auth=PrivateKeyJWT(a_key(alg, 1))), bank).status_code == 200
    assert naps.seconds == [5, 5, 5]
    (call,) = bank.calls("bc-authorize")
    assert call.form.keys() == {"request", "client_assertion", "client_assertion_type", "client_id"}
    header, claims = header_of(call.form["request"]), claims_of(call.form["request"])
    assert header["alg"] == alg
    assert claims["exp"] - claims["nbf"] <= 3600
    assert {"iat", "jti", "iss", "aud"} <= claims.keys()
    assert [name for name in claims if "hint" in name] == ["login_hint"]
    assert claims_of(call.form["client_assertion"])["aud"] == bank.issuer
    assert all(seen.certificate is not None for seen in (call, *bank.calls("token"), *bank.calls("accounts")))
    sent = {name for seen in bank.seen for name in seen.headers}
    assert not sent & {"x-fapi-customer-ip-address", "x-fapi-auth-date", "dpop"}


@pytest.mark.conformance("ciba-rp", "client-test")
@pytest.mark.spec("CIBA 7.1a, 7.1.1a; RFC 8705 2a, 5")
def test_client_test_signed_in_by_certificate(connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    """Beside the signed request stands the client_id alone: it is the client authentication."""
    bank.method = "tls_client_auth"
    assert walk(connect(request_signer=KEY), bank).status_code == 200
    (call,) = bank.calls("bc-authorize")
    assert call.form.keys() == {"request", "client_id"}
    assert call.certificate is not None


@pytest.mark.conformance("ciba-rp", "client-test")
@pytest.mark.spec("CIBA 7.1d, 7.3b, 10.2b")
def test_client_test_ping(connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    client = connect(backchannel_token_delivery_mode="ping")
    bank.answers = ["authorization_pending"]
    request = client.ciba(**ASKED)

    with notification_page(client) as post:

        def ping(nap: int) -> None:
            if nap == 33:
                answers.append(post(*bank.ping(request.reference.reveal())))

        answers: list[httpx.Response] = []
        naps.meanwhile = ping
        login = client.wait(request)
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")]
    assert login.id_token.subject == "alice"
    polls = len(bank.calls("token"))
    assert polls == 2, "one poll while no ping came, and one when it came"
    assert naps.seconds[:3] == [1, 1, 1]
    assert sum(naps.seconds) < 40


@pytest.mark.conformance("ciba-rp", "client-valid-aud-as-array-test")
@pytest.mark.spec("OIDC 3.1.3.7-3")
def test_client_valid_aud_as_array_test(connect: Connect, adversary: Any, naps: Naps) -> None:
    adversary.faults["id_token"] = lambda claims: {**claims, "aud": [claims["aud"]]}
    assert walk(connect(), adversary).status_code == 200


@pytest.mark.conformance("ciba-rp", "client-no-scope-in-token-endpoint-response-test")
@pytest.mark.spec("RFC 6749 5.1")
def test_client_no_scope_in_token_endpoint_response_test(
    connect: Connect, adversary: Any, naps: Naps
) -> None:
    adversary.faults["token"] = lambda members: {k: v for k, v in members.items() if k != "expires_in"}
    login = connect_and_wait(connect(), **ASKED)
    assert login.tokens.scope == "openid accounts"
    assert login.tokens.access_tokens[0].expires_at is None


def connect_and_wait(client: Any, **asked: Any) -> Any:
    return client.wait(client.ciba(**asked))


# --- when it polls ------------------------------------------------------------------------------------


@pytest.mark.conformance("ciba-rp", "client-respects-interval-test")
@pytest.mark.spec("CIBA 7.3b, 10.1a")
@pytest.mark.parametrize(("interval", "seconds"), [(31, 31), (None, 5)])
def test_client_respects_interval_test(
    interval: int | None, seconds: int, connect: Connect, bank: MtlsCibaBank, naps: Naps
) -> None:
    bank.faults["bc"] = lambda members: {
        k: v for k, v in {**members, "interval": interval}.items() if v is not None
    }
    bank.answers = ["authorization_pending"]
    connect_and_wait(connect(), **ASKED)
    assert naps.seconds == [seconds, seconds]
    assert len(bank.calls("token")) == 2


@pytest.mark.conformance("ciba-rp", "client-slow-down-test")
@pytest.mark.spec("CIBA 11a")
def test_client_slow_down_test(connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    bank.answers = ["authorization_pending", "slow_down", "authorization_pending"]
    connect_and_wait(connect(), **ASKED)
    assert naps.seconds == [5, 5, 10, 10]


# --- what ends it ---------------------------------------------------------------------------------------


@pytest.mark.conformance("ciba-rp")
@pytest.mark.spec("CIBA 7.3b, 7.4")
@pytest.mark.parametrize(
    ("module", "member"),
    [
        ("client-invalid-missing-authreqid-test", "auth_req_id"),
        ("client-invalid-missing-expiresin-test", "expires_in"),
    ],
)
def test_an_incomplete_acknowledgement_is_refused(
    module: str, member: str, connect: Connect, adversary: Any, naps: Naps
) -> None:
    adversary.faults["bc"] = without(member)
    with pytest.raises(MalformedMessage) as caught:
        connect().ciba(**ASKED)
    assert (caught.value.clause, caught.value.facts["member"]) == ("CIBA 7.3b", member)
    path = "backchannel_authentication" if isinstance(adversary, AdvancedAskit) else "bc-authorize"
    assert adversary.called_after(path) <= {"jwks"}


@pytest.mark.conformance("ciba-rp")
@pytest.mark.spec("CIBA 13a")
@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("client-invalid-expired-id-token-hint-test", "expired_id_token_hint"),
        ("client-invalid-id-token-hint-test", "invalid_id_token_hint"),
        ("client-invalid-unknown-user-id-test", "unknown_user_id"),
    ],
)
def test_a_refused_request_is_over(module: str, code: str, connect: Connect, bank: MtlsCibaBank) -> None:
    bank.faults["bc_answer"] = lambda _call: (400, {}, {"error": code})
    with pytest.raises(PeerRefused) as caught:
        connect().ciba(**ASKED)
    assert caught.value.peer_code == code
    assert len(bank.calls("bc-authorize")) == 1
    assert not bank.calls("token")


@pytest.mark.conformance("ciba-rp")
@pytest.mark.spec("CIBA 11a")
@pytest.mark.parametrize(
    ("module", "code", "error"),
    [
        ("client-invalid-request-test", "invalid_request", PeerRefused),
        ("client-invalid-access-denied-test", "access_denied", RequestDenied),
        ("client-invalid-expired-token-test", "expired_token", RequestExpired),
    ],
)
def test_that_request_is_never_polled_again(
    module: str, code: str, error: type[FapiError], connect: Connect, bank: MtlsCibaBank, naps: Naps
) -> None:
    bank.answers = ["authorization_pending"] * 2 + [code]
    client = connect()
    request = client.ciba(**ASKED)
    with pytest.raises(error):
        client.wait(request)
    assert len(bank.calls("token")) == 3
    with pytest.raises(FapiError, match="answered before"):
        client.wait(request)
    assert len(bank.calls("token")) == 3


# --- the ID token -----------------------------------------------------------------------------------------


def aged_a_week(claims: dict[str, Any]) -> dict[str, Any]:
    return {**claims, "iat": claims["iat"] - 7 * 86_400}


ID_TOKEN_FAULTS: dict[str, tuple[str, Callable[[Any], Any], type[FapiError], str]] = {
    "client-invalid-iss-test": ("id_token", with_one_more("iss"), WrongIssuer, "OIDC 3.1.3.7-2"),
    "client-invalid-missing-iss-test": ("id_token", without("iss"), MissingClaim, "OIDC 3.1.3.7-2"),
    "client-invalid-aud-test": ("id_token", with_one_more("aud"), WrongAudience, "OIDC 3.1.3.7-3"),
    "client-invalid-missing-aud-test": ("id_token", without("aud"), MissingClaim, "OIDC 3.1.3.7-3"),
    "client-invalid-secondary-aud-test": (
        "id_token",
        also_meant_for_another,
        WrongAudience,
        "OIDC 3.1.3.7-3",
    ),
    "client-invalid-signature-test": ("id_token_jwt", flipped_signature, BadSignature, "OIDC 3.1.3.7-6"),
    "client-invalid-null-alg-test": ("id_token_jwt", unsigned, ForbiddenAlgorithm, "FAPI-CIBA 7.10"),
    "client-invalid-alternate-alg-test": (
        "id_token_jwt",
        signed_with_rs256,
        ForbiddenAlgorithm,
        "FAPI-CIBA 7.10",
    ),
    "client-invalid-expired-exp-test": ("id_token", expired, Expired, "OIDC 3.1.3.7-9"),
    "client-invalid-missing-exp-test": ("id_token", without("exp"), MissingClaim, "OIDC 3.1.3.7-9"),
    "client-invalid-iat-is-week-in-past-test": ("id_token", aged_a_week, TooOld, "OIDC 3.1.3.7-10"),
}


@pytest.mark.conformance("ciba-rp")
@pytest.mark.spec("OIDC 3.1.3.7-2, -3, -6, -7, -9, -10; FAPI-CIBA 7.10")
@pytest.mark.parametrize("module", ID_TOKEN_FAULTS)
def test_id_token_is_refused(module: str, connect: Connect, adversary: Any, naps: Naps) -> None:
    fault, hook, error, clause = ID_TOKEN_FAULTS[module]
    adversary.faults[fault] = hook
    refused(connect(), adversary, error, clause)


CONNECTID: dict[str, dict[str, Any]] = {
    "client-connectid-invalid-missing-txn-test": {"txn": None},
    "client-connectid-invalid-missing-trust-framework-test": {"verified_claims": {"verification": {}}},
    "client-connectid-invalid-wrong-trust-framework-test": {
        "verified_claims": {"verification": {"trust_framework": "another"}}
    },
}


@pytest.mark.conformance("ciba-rp")
@pytest.mark.spec("OIDC 5.5.1")
@pytest.mark.parametrize("module", [None, *CONNECTID])
def test_connectid_claims(module: str | None, connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    asked = {
        "txn": {"essential": True},
        "verified_claims": {
            "verification": {"trust_framework": {"value": "au_connectid"}},
            "claims": {"given_name": None},
        },
    }
    honest = {"txn": "one", "verified_claims": {"verification": {"trust_framework": "au_connectid"}}}
    bank.faults["metadata"] = lambda members: {
        **members,
        "trust_frameworks_supported": ["au_connectid"],
        "claims_in_verified_claims_supported": ["given_name"],
    }
    changes = CONNECTID.get(module or "", {})
    bank.faults["id_token"] = lambda claims: {**claims, **honest, **changes}
    if module is None:
        assert walk(connect(), bank, claims={"id_token": asked}).status_code == 200
    else:
        refused(connect(), bank, WrongRequestedClaim, "OIDC 5.5.1", claims={"id_token": asked})


# --- pings, and refreshing --------------------------------------------------------------------------------


@pytest.mark.conformance("ciba-rp", "client-ping-with-invalid-bearer-token-test")
@pytest.mark.spec("CIBA 10.2b")
def test_client_ping_with_invalid_bearer_token_test(connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    client = connect(backchannel_token_delivery_mode="ping")
    request = client.ciba(**ASKED)
    forged = bank.ping(request.reference.reveal(), bearer="x" * 43)
    with notification_page(client) as post:
        assert post(*forged).status_code == 401
    with pytest.raises(WrongNotificationToken):
        client.hear_notification(forged[0]["authorization"], forged[1])
    assert not bank.calls("token")


@pytest.mark.conformance("ciba-rp", "client-refresh-token-test")
@pytest.mark.spec("RFC 6749 6")
def test_client_refresh_token_test(connect: Connect, bank: MtlsCibaBank, naps: Naps) -> None:
    """The API refuses until the client has refreshed twice; the second time with the rotated refresh token."""
    bank.rotate = True
    bank.faults["api_accounts"] = lambda _call: (
        (401, {"www-authenticate": 'Bearer error="invalid_token"'}, {}) if refreshes() < 2 else None
    )

    def refreshes() -> int:
        return sum(call.form["grant_type"] == "refresh_token" for call in bank.calls("token"))

    client = connect()
    login = client.wait(client.ciba(**ASKED))
    with client.api(login.tokens, base_url=bank.api_origin) as api:
        assert api.get(bank.api_path).status_code == 401
        assert api.get(bank.api_path).status_code == 200
    used = [call.form.get("refresh_token") for call in bank.calls("token")[1:]]
    assert len(used) == len(set(used)) == 2
