"""The checks of an API without a socket: its settings, whose keys count, which algorithm and which URL, and frames."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit import PrivateKey
from fapikit.errors import ConfigurationError, FapiError, UnknownSignatureKey, Unreachable
from fapikit.errors import http_signature as errors
from fapikit.http_signatures.coverage import FAPI
from fapikit.http_signatures.messages import FieldLines, RequestMessage
from fapikit.http_signatures.sign import sign_request
from fapikit.http_signatures.verify import VerifiedSignature
from fapikit.jose.key_set import KeySet
from rskit import Access, HttpSignatures, Issuer, ResourceServer, SigningClient
from rskit.errors import UnsignedRequest
from rskit.http_signatures.checks import SignatureChecks
from rskit.policy.checked_request import CheckedRequest
from tests.clocks import NOW
from tests.frames import frames, texts
from tests.hands import Hand, answer
from tests.keys import a_key
from tests.rskit.mothers import (
    AS_KEY,
    RESOURCE,
    a_proof,
    a_server,
    a_token,
    a_view,
    allowed,
    an_issuer,
    bound_token,
)

KEY = a_key("ES256", 41)
TOKEN = a_token()
JWKS_URI = "https://fintech.example/jwks"


def a_client(*keys: PrivateKey) -> SigningClient:
    return SigningClient(jwks={"keys": [dict(key.public_jwk) for key in keys or (KEY,)]})


def server_of(**settings: Any) -> ResourceServer:
    more = settings.pop("server", {})
    given = {"clients": {"fintech": a_client()}, **settings}
    return a_server(message_signing=HttpSignatures(**given), **more)


def checks_of(server: ResourceServer) -> SignatureChecks:
    assert server.http_signatures is not None
    return server.http_signatures


def signed(
    key: PrivateKey = KEY,
    *,
    token: str = TOKEN,
    url: str = f"{RESOURCE}/accounts",
    now: float = NOW,
    hide: tuple[str, ...] = (),
    **fields: str,
) -> FieldLines:
    """The fields of a signed GET. `hide`: fields that are added only after it was signed."""
    sent = [("authorization", f"Bearer {token}"), *((n.replace("_", "-"), v) for n, v in fields.items())]
    seen = FieldLines(pair for pair in sent if pair[0] not in hide)
    request = RequestMessage("GET", url, seen)
    added = Hand().run(sign_request(request, b"", key, coverage=FAPI, now=now))
    return FieldLines([*sent, *added])


def check(
    server: ResourceServer, headers: FieldLines, hand: Hand | None = None, **view: Any
) -> VerifiedSignature | None:
    accepted = allowed(server, a_view(f"Bearer {TOKEN}"))
    seen = a_view(f"Bearer {TOKEN}", **view)
    found: VerifiedSignature | None = (hand or Hand()).run(
        checks_of(server).check(seen, headers, b"", accepted)
    )
    return found


@pytest.mark.parametrize(
    "settings, named",
    [
        ({}, "clients="),
        ({"clients": {"fintech": KEY}}, "clients="),
        ({"clients": "fintech"}, "clients="),
        ({"signer": "key"}, "signer="),
        ({"signer": KEY, "max_age": 0}, "max_age=0"),
        ({"signer": KEY, "max_age": 601}, "max_age=601"),
        ({"signer": KEY, "streams": "sign"}, "streams="),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpSignatures(**settings)
    assert named in caught.value.message


@pytest.mark.parametrize("name", ["fields", "answer_fields"])
@pytest.mark.parametrize("fields", ["x-idempotency-key", [""], [1]])
def test_fields_are_several_names(name: str, fields: Any) -> None:
    with pytest.raises(ConfigurationError, match="fields="):
        server_of(**{name: fields})


def test_with_several_issuers_a_client_id_is_of_nobody() -> None:
    other = Issuer("https://other.example", keys=KeySet([AS_KEY.public_key]))
    with pytest.raises(ConfigurationError, match="clients="):
        server_of(server={"issuers": [an_issuer(), other]})
    asked = []

    def by_token(token: Any) -> SigningClient | None:
        asked.append((token.issuer, token.client_id))
        return a_client()

    server = server_of(clients=by_token, server={"issuers": [an_issuer(), other]})
    assert check(server, signed()) is not None
    assert asked == [("https://as.example", "fintech")]


@pytest.mark.spec("FAPI2-HS 1.2-1")
def test_keys_behind_a_url_are_fetched_once() -> None:
    server = server_of(clients={"fintech": SigningClient(jwks_uri=JWKS_URI)})
    hand = Hand(answer({"keys": [dict(KEY.public_jwk)]}))
    for _ in range(2):
        assert check(server, signed(), hand) is not None
    assert [request.url for request in hand.requests] == [JWKS_URI]


def test_keys_that_do_not_come_decide_nothing() -> None:
    server = server_of(clients={"fintech": SigningClient(jwks_uri=JWKS_URI)})
    with pytest.raises(Unreachable) as caught:
        check(server, signed(), Hand(Unreachable("down")))
    assert server.refuse(caught.value, a_view(), None).status == 503


@pytest.mark.spec("RFC 9421 3.3.7")
@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_each_algorithm_of_the_profile(alg: str) -> None:
    key = a_key(alg, 42)
    server = server_of(clients={"fintech": a_client(key)}, server={"profile": "fapi2-security"})
    accepted = allowed(a_server(), a_view(f"Bearer {TOKEN}"))
    headers = signed(key)
    flow = checks_of(server).check(a_view(f"Bearer {TOKEN}"), headers, b"", accepted)
    assert Hand().run(flow) is not None


@pytest.mark.parametrize("alg", ["ES384", "RS256"])
def test_an_algorithm_that_the_profile_does_not_allow(alg: str) -> None:
    server = server_of(clients={"fintech": a_client(a_key(alg, 42))}, server={"profile": "fapi2-security"})
    accepted = allowed(a_server(), a_view(f"Bearer {TOKEN}"))
    flow = checks_of(server).check(a_view(f"Bearer {TOKEN}"), signed(a_key(alg, 42)), b"", accepted)
    with pytest.raises(UnknownSignatureKey):
        Hand().run(flow)


def test_an_algorithm_that_nothing_tells_is_not_guessed() -> None:
    """An RSA key without `alg` fits RS256 and PS256 where a profile has both."""
    key = a_key("PS256", 42)
    bare = {name: value for name, value in key.public_jwk.items() if name != "alg"}
    server = server_of(clients={"fintech": SigningClient(jwks={"keys": [bare]})})
    assert {"PS256", "RS256"} <= server.profile.signing_algorithms
    with pytest.raises(errors.WrongSignatureAlgorithm) as caught:
        check(server, signed(key))
    assert caught.value.facts["parameter"] == "alg"


def test_one_key_needs_no_keyid_and_two_do() -> None:
    headers = signed()
    bare = FieldLines((name, value.replace(f';keyid="{KEY.kid}"', "")) for name, value in headers.items())
    with pytest.raises(errors.WrongSignature):  # the key is found; the signature is over other parameters
        check(server_of(), bare)
    two = server_of(clients={"fintech": a_client(KEY, a_key("ES256", 43))})
    with pytest.raises(UnknownSignatureKey, match="2 keys"):
        check(two, bare)


def test_the_url_is_that_of_the_configuration_behind_a_gateway_too() -> None:
    server = server_of(server={"origins": ["https://gateway.example/bank"]})
    for base in (RESOURCE, "https://gateway.example/bank"):
        found = check(server, signed(url=f"{base}/accounts?a=b"), query="a=b")
        assert found is not None
        assert found.request is not None
        assert found.request.url == f"{base}/accounts?a=b"
    with pytest.raises(errors.WrongSignature):
        check(server, signed(url="https://elsewhere.example/accounts"))


@pytest.mark.parametrize("path", ["*", "http://other.example/accounts", "/accounts?x", "/a#b"])
def test_a_target_that_is_no_path_has_no_url(path: str) -> None:
    with pytest.raises(errors.UnknownComponent, match="target"):
        check(server_of(), signed(), path=path)


@pytest.mark.spec("FAPI2-HS 1.2-7")
def test_strangers_whose_answers_cannot_be_signed_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    checks, nothing = checks_of(server_of(signer=KEY)), FieldLines(())
    for _ in range(30):
        view = a_view(method="get")
        assert Hand().run(checks.sign(view, nothing, None, 401, (), b"")) == ()
    assert caplog.text.count("is not signed") == 10


def test_a_proof_that_is_sent_must_be_covered() -> None:
    token = bound_token()
    with pytest.raises(errors.UncoveredComponent) as caught:
        check(server_of(), signed(token=token, dpop=a_proof(token), hide=("dpop",)))
    assert caught.value.facts["component"] == '"dpop"'
    assert check(server_of(), signed(token=token, dpop=a_proof(token))) is not None


def test_unsigned_requests_pass_only_where_that_is_said() -> None:
    bare = FieldLines([("authorization", f"Bearer {TOKEN}")])
    assert check(server_of(required=False), bare) is None
    assert not checks_of(server_of(required=False)).wants(bare)
    assert not checks_of(server_of(clients=None, signer=KEY)).wants(bare)
    with pytest.raises(errors.MissingHttpSignature):
        check(server_of(), bare)


@pytest.mark.parametrize(
    "server, error",
    [
        (server_of(required=False), errors.MissingHttpSignature),
        (server_of(clients=None, signer=KEY), UnsignedRequest),
        (a_server(), UnsignedRequest),
    ],
)
def test_a_route_that_needs_a_signature(server: ResourceServer, error: type[FapiError]) -> None:
    token = allowed(server, a_view(f"Bearer {TOKEN}"))
    checked = CheckedRequest(server, a_view(f"Bearer {TOKEN}"), token)
    with pytest.raises(error):
        checked.require(Access("accounts", signed=True))
    checked.signature = object()
    assert checked.require(Access("accounts", signed=True)) is token


@pytest.mark.parametrize("failing", [None, Unreachable("down")])
def test_no_frame_shows_the_token(failing: Exception | None) -> None:
    server = server_of(clients={"fintech": SigningClient(jwks_uri=JWKS_URI)})
    other = a_key("ES256", 44)
    hand = Hand(failing or answer({"keys": [{**other.public_jwk, "kid": KEY.kid}]}))
    with pytest.raises(FapiError) as caught:
        check(server, signed(), hand)
    secret = TOKEN.split(".")[2]
    for frame in frames(caught.value):
        if "/http_signatures/" in frame.f_code.co_filename and "base.py" not in frame.f_code.co_filename:
            shown = [text for value in frame.f_locals.values() for text in texts(value)]
            assert not [text for text in shown if secret in text], (
                frame.f_code.co_name,
                frame.f_locals.keys(),
            )
