"""The nonces of servers: by origin, the newest, only well-formed ones, and not without bound."""

from __future__ import annotations

import pytest

from rpkit.nonces import MAX_ORIGINS, OriginNonces


def test_by_origin_and_the_newest_counts() -> None:
    nonces = OriginNonces()
    assert nonces.learn("https://one.example/token", ["a"])
    assert nonces.learn("https://one.example:443/par?x=1", ["b"])
    assert nonces.learn("https://one.example:8443/", ["c"])
    assert nonces.get("https://ONE.example/accounts") == "b"
    assert nonces.get("http://one.example/") is None
    assert nonces.get("https://two.example/") is None


@pytest.mark.parametrize(
    "values", [[], ["a", "b"], [""], ["with space"], ['quo"te'], ["x" * 4097], ["line\n"]]
)
def test_what_is_no_nonce_is_not_learnt(values: list[str]) -> None:
    nonces = OriginNonces()
    nonces.learn("https://one.example/", ["good"])
    assert not nonces.learn("https://one.example/", values)
    assert nonces.get("https://one.example/") == "good"


@pytest.mark.spec("RFC 9449 8.1")
@pytest.mark.parametrize("length", [1, 513, 700, 4096])
def test_a_nonce_may_be_long(length: int) -> None:
    """It is the server's own affair what it keeps in it: some encrypt a whole JWT."""
    nonces = OriginNonces()
    assert nonces.learn("https://one.example/", ["x" * length])
    assert nonces.get("https://one.example/") == "x" * length


def test_the_servers_last_heard_from_are_kept() -> None:
    nonces = OriginNonces()
    for number in range(MAX_ORIGINS):
        nonces.learn(f"https://{number}.example/", [str(number)])
    nonces.learn("https://0.example/", ["again"])
    nonces.learn("https://new.example/", ["new"])
    assert nonces.get("https://1.example/") is None
    assert nonces.get("https://0.example/") == "again"
    assert repr(nonces) == f"OriginNonces({MAX_ORIGINS} origins)"
