"""The check of published vectors notices what it is for; and a document of whole messages is read as meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapikit.errors import BadSignature
from tests.vectors.folder import ACCEPTED, Differs, Expected, Vector, check, rfc
from tests.vectors.wycheproof import messages


def passes() -> None:
    pass


def refuses() -> None:
    raise BadSignature("no")


def breaks() -> None:
    raise KeyError("n")


def a_vector(result: str, run: Callable[[], object], number: int = 1, flag: str = "Flag") -> Vector:
    return Vector(number, result, frozenset({flag}), run)


def listed(outcome: str, *ids: int, flag: str | None = None, result: str = "valid") -> tuple[Differs]:
    return (Differs("a reason", outcome, frozenset(ids), flag, result),)


GOOD = {
    "valid": ([a_vector("valid", passes)], Expected({"valid accepted": 1})),
    "invalid": ([a_vector("invalid", refuses)], Expected({"invalid BadSignature": 1})),
    "listed by id": (
        [a_vector("valid", refuses)],
        Expected({"valid BadSignature": 1}, listed("BadSignature", 1)),
    ),
    "listed by flag": (
        [a_vector("acceptable", passes)],
        Expected({"acceptable accepted": 1}, listed(ACCEPTED, flag="Flag", result="acceptable")),
    ),
    "listed by result": (
        [a_vector("valid", refuses), a_vector("valid", refuses, 2)],
        Expected({"valid BadSignature": 2}, listed("BadSignature")),
    ),
}
WRONG: dict[str, tuple[list[Vector], Expected, str]] = {
    "valid refused": (
        [a_vector("valid", refuses)],
        Expected({"valid BadSignature": 1}),
        "ends otherwise than published",
    ),
    "invalid accepted": (
        [a_vector("invalid", passes)],
        Expected({"invalid accepted": 1}),
        "ends otherwise than published",
    ),
    "acceptable not listed": (
        [a_vector("acceptable", refuses)],
        Expected({"acceptable BadSignature": 1}),
        "ends otherwise than published",
    ),
    "another refusal than listed": (
        [a_vector("valid", refuses)],
        Expected({"valid BadSignature": 1}, listed("UnusableKey", 1)),
        "ends otherwise than published",
    ),
    "listed, and as published": (
        [a_vector("valid", passes)],
        Expected({"valid accepted": 1}, listed("BadSignature", 1)),
        "ends otherwise than published",
    ),
    "listed and gone": (
        [a_vector("valid", refuses)],
        Expected({"valid BadSignature": 1}, listed("BadSignature", 1, 2)),
        "no longer there",
    ),
    "flag listed and gone": (
        [a_vector("valid", passes)],
        Expected({"valid accepted": 1}, listed("BadSignature", flag="Other")),
        "no longer there",
    ),
    "one too few": ([a_vector("valid", passes)], Expected({"valid accepted": 2}), "the numbers are"),
    "refused otherwise than counted": (
        [a_vector("invalid", refuses)],
        Expected({"invalid MalformedJwt": 1}),
        "the numbers are",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_passes(name: str) -> None:
    check(*GOOD[name])


@pytest.mark.parametrize("name", WRONG)
def test_fails(name: str) -> None:
    vectors, expected, said = WRONG[name]
    with pytest.raises(AssertionError, match=said):
        check(vectors, expected)


def test_an_error_of_no_type_of_ours_is_no_refusal() -> None:
    with pytest.raises(KeyError):
        check([a_vector("invalid", breaks)], Expected({"invalid KeyError": 1}))


def test_whole_messages() -> None:
    groups: list[dict[str, Any]] = []
    for kind in ("jws", "jwe"):
        for _, vector in rfc(kind):
            head, last = vector["compact"].rsplit(".", 1)
            broken = f"{head}.{'B' if last[:1] == 'A' else 'A'}{last[1:]}"
            good = {kind: vector["compact"], "result": "valid", "flags": [vector["expect"]]}
            bad = {kind: broken, "result": "invalid", "flags": []}
            if kind == "jwe":
                good["pt"] = vector["text"].encode().hex()
            private = {**(vector["key"] or {"kty": "none"}), "alg": vector["alg"]}
            groups.append({"private": private, "tests": [good, bad]})
    for number, test in enumerate(test for group in groups for test in group["tests"]):
        test["tcId"] = number
    tally = {
        "valid accepted": 12,
        "valid ForbiddenAlgorithm": 4,
        "valid UnusableKey": 7,
        "invalid BadSignature": 7,
        "invalid DecryptionFailed": 5,
        "invalid ForbiddenAlgorithm": 4,
        "invalid UnusableKey": 7,
    }
    jws = {number: "ForbiddenAlgorithm" for number, group in enumerate(groups) if "jws" in group["tests"][0]}
    refused = [
        Differs("see test_rfc", jws.get(number, "UnusableKey"), frozenset({group["tests"][0]["tcId"]}))
        for number, group in enumerate(groups)
        if group["tests"][0]["flags"] != ["valid"]
    ]
    check(messages({"testGroups": groups}), Expected(tally, tuple(refused)))
