"""The eight JARM modules of the FAPI 2.0 Message Signing client plan, and the downgrades beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit.errors import (
    BadSignature,
    Expired,
    FapiError,
    ForbiddenAlgorithm,
    MissingClaim,
    WrongAudience,
    WrongIssuer,
)
from rpkit.errors import WrongResponseMode, WrongState
from tests.adversary.walk import (
    also_meant_for_another,
    expired,
    flipped_signature,
    refused,
    signed_with_rs256,
    unsigned,
    walk,
    with_one_more,
    without,
)
from tests.keys import claims_of, header_of
from tests.mothers.fake_bank import FakeBank

Connect = Callable[..., Any]

FAULTS: dict[str, tuple[str, Callable[[Any], Any], type[FapiError], str]] = {
    "client-test-ensure-jarm-without-iss-fails": ("jarm", without("iss"), MissingClaim, "JARM 2.4-2"),
    "client-test-ensure-jarm-with-invalid-iss-fails": (
        "jarm",
        with_one_more("iss"),
        WrongIssuer,
        "JARM 2.4-2",
    ),
    "client-test-ensure-jarm-without-aud-fails": ("jarm", without("aud"), MissingClaim, "JARM 2.4-3"),
    "client-test-ensure-jarm-with-invalid-aud-fails": (
        "jarm",
        with_one_more("aud"),
        WrongAudience,
        "JARM 2.4-3",
    ),
    "client-test-ensure-jarm-without-exp-fails": ("jarm", without("exp"), MissingClaim, "JARM 2.4-4"),
    "client-test-ensure-jarm-with-expired-exp-fails": (
        "jarm",
        expired,
        Expired,
        "JARM 2.4-4",
    ),
    "client-test-ensure-jarm-with-invalid-sig-fails": (
        "jarm_jwt",
        flipped_signature,
        BadSignature,
        "JARM 2.4-5",
    ),
    "client-test-ensure-jarm-signature-is-not-none": (
        "jarm_jwt",
        unsigned,
        ForbiddenAlgorithm,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "signed with an algorithm that is not allowed": (
        "jarm_jwt",
        signed_with_rs256,
        ForbiddenAlgorithm,
        "FAPI2-SP 5.4.1-1.2",
    ),
    "meant for another client too": ("jarm", also_meant_for_another, WrongAudience, "JARM 2.4-3"),
    "state of another login inside": ("jarm", with_one_more("state"), WrongState, "RFC 9700 2.1c"),
    "a plain answer instead": (
        "callback",
        lambda _: {"code": "stolen", "state": "s", "iss": "i"},
        WrongResponseMode,
        "FAPI2-MS 5.4.2-2",
    ),
    "plain parameters beside the signed answer": (
        "callback",
        lambda answer: {**answer, "code": "injected"},
        WrongResponseMode,
        "FAPI2-MS 5.4.2-2",
    ),
}


@pytest.mark.conformance("fapi2-rp")
@pytest.mark.spec("JARM 2.4-1, -2, -3, -4, -5, 2.4a; FAPI2-MS 5.4.2-2")
@pytest.mark.parametrize("module", FAULTS)
def test_signed_response_is_refused(module: str, connect: Connect, adversary: Any) -> None:
    fault, hook, error, clause = FAULTS[module]
    adversary.faults[fault] = hook
    refused(connect(profile="fapi2-message-signing"), adversary, error, clause, after="callback")


@pytest.mark.spec("FAPI2-MS 5.3.2-1, -2, -3, -4, -5, 5.4.2-1; RFC 9101 4a, 4b, 10.8; RFC 9126 3a")
def test_happy_path_with_signed_requests_and_responses(connect: Connect, bank: FakeBank) -> None:
    """All authorization parameters are inside the object; beside it stands the client's sign-in alone."""
    client = connect(profile="fapi2-message-signing")
    assert walk(client, bank, max_age=600, authorization_details=[{"type": "payment"}]).status_code == 200
    pushed = bank.calls("par")[-1]
    assert set(pushed.form) == {"client_id", "request", "client_assertion_type", "client_assertion"}
    claims = claims_of(pushed.form["request"])
    assert header_of(pushed.form["request"])["typ"] == "oauth-authz-req+jwt"
    assert claims["response_mode"] == "jwt"
    assert claims["aud"] == bank.issuer
    assert claims["max_age"] == 600
    assert claims["authorization_details"] == [{"type": "payment"}]
    assert claims["exp"] - claims["nbf"] <= 3600
    assert {"iss", "iat", "jti", "code_challenge", "state", "nonce", "dpop_jkt"} <= claims.keys()
    assert not {"request", "request_uri", "sub"} & claims.keys()


def test_happy_path_at_the_embedded_server(connect: Connect, adversary: Any) -> None:
    assert walk(connect(profile="fapi2-message-signing"), adversary).status_code == 200


@pytest.mark.spec("JARM 5.1")
def test_no_key_is_fetched_for_another_issuers_response(connect: Connect, bank: FakeBank) -> None:
    bank.faults["jarm"] = with_one_more("iss")
    refused(connect(profile="fapi2-message-signing"), bank, WrongIssuer, "JARM 2.4-2", after="callback")
    assert not bank.calls("jwks")
