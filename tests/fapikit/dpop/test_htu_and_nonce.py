"""Normalising URLs for comparison (RS-12), and nonces that every worker accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapikit.dpop import NonceIssuer
from fapikit.dpop.htu import normalise
from fapikit.errors import ConfigurationError
from tests.clocks import NOW

BASE = "https://api.example/a"


@pytest.mark.spec("RFC 9449 4.3-9", "RFC 3986 6.2.2", "RFC 3986 6.2.3")
@pytest.mark.parametrize(
    "url, same",
    [
        (BASE, BASE),
        ("HTTPS://API.EXAMPLE/a", BASE),
        ("https://api.example:443/a", BASE),
        ("https://api.example:/a", BASE),
        ("https://api.example:8443/a", "https://api.example:8443/a"),
        ("http://localhost:80/a", "http://localhost/a"),
        ("wss://api.example:443/a", BASE),
        ("ws://api.example/a", "http://api.example/a"),
        ("https://api.example", "https://api.example/"),
        ("https://api.example?x", "https://api.example/"),
        (BASE + "?x=1#y", BASE),
        ("https://api.example/%61%7e", "https://api.example/a~"),
        ("https://api.example/%2f%3f", "https://api.example/%2F%3F"),
        ("https://api.example/a//b/../c/.", "https://api.example/a//b/../c/."),
        ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
        ("https://api.example/A", "https://api.example/A"),
        ("https://api.example/a;b=c", "https://api.example/a;b=c"),
    ],
)
def test_normalises(url: str, same: str) -> None:
    assert normalise(url) == same
    assert normalise(same) == same


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a",
        "api.example/a",
        "ftp://api.example/a",
        "https:///a",
        "https://u@api.example/a",
        "https://u:p@api.example/a",
        "https://api.example:99999/a",
        "https://api.example:x/a",
        "https://api.example/a b",
        "https://api.example/a\n",
        "https://api.example/é",
        "https://api.example\\@evil.example/a",
        "https://[::1/a",
        "https://evil-[::1]/a",
        "https://[::1]evil/a",
        "https://[::1]evil:8443/a",
        "javascript:alert(1)",
    ],
)
def test_refuses(url: str) -> None:
    assert normalise(url) is None


@given(
    st.text(max_size=40) | st.text(alphabet="htps:/[]@%2Ff.?#\\ 0", max_size=40).map(lambda t: "https://" + t)
)
def test_never_raises_and_is_stable(url: str) -> None:
    found = normalise(url)
    assert found is None or normalise(found) == found


OLD, NEW = b"o" * 32, b"n" * 32


def test_a_nonce_is_accepted_by_every_worker_with_the_key_until_it_is_too_old() -> None:
    nonce = NonceIssuer((NEW,)).issue(NOW)
    worker = NonceIssuer((NEW,))
    for age in (0, 1, 299):
        assert worker.accepts(nonce, NOW + age)
    assert not worker.accepts(nonce, NOW + 316)
    assert not worker.accepts(nonce, NOW - 31)


def test_a_nonce_lives_from_a_step_before_it_was_made_to_its_end() -> None:
    issuer = NonceIssuer((NEW,), lifetime=300, step=15)
    nonce = issuer.issue(NOW)
    for age, good in ((-15.5, False), (-15, True), (300, True), (300.5, False)):
        assert issuer.accepts(nonce, NOW + age) is good


def test_a_nonce_that_held_is_not_proven_again_and_few_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer, made, make = NonceIssuer((NEW,)), [], NonceIssuer._mac
    monkeypatch.setattr(
        NonceIssuer, "_mac", staticmethod(lambda key, stamp: made.append(stamp) or make(key, stamp))
    )
    for _ in range(3):
        assert issuer.accepts(issuer.issue(NOW), NOW)
    assert len(made) == 2
    for number in range(200):
        later = NOW + 15 * number
        assert issuer.accepts(issuer.issue(later), later)
        assert len(issuer._proven) <= 64
    assert not issuer.accepts(NonceIssuer((OLD,)).issue(NOW), NOW)


def test_keys_rotate() -> None:
    nonce = NonceIssuer((OLD,)).issue(NOW)
    assert NonceIssuer((NEW, OLD)).accepts(nonce, NOW)
    assert not NonceIssuer((NEW,)).accepts(nonce, NOW)
    assert NonceIssuer((NEW, OLD)).issue(NOW) == NonceIssuer((NEW,)).issue(NOW)


@pytest.mark.spec("RFC 9449 8a")
def test_a_nonce_cannot_be_made_up() -> None:
    issuer = NonceIssuer((NEW,))
    nonce = issuer.issue(NOW)
    for other in ("", "A" * 27, nonce[:-1], nonce + "A", nonce[:-2] + "AA", "é", nonce + "=", "A" * 5000):
        assert not issuer.accepts(other, NOW)
    assert issuer.accepts(nonce, NOW)


def test_nonces_change_with_each_step_and_not_within_one() -> None:
    issuer = NonceIssuer((NEW,), step=15)
    first = issuer.issue(NOW)
    assert issuer.issue(NOW + 14) == first
    assert issuer.issue(NOW + 15) != first


@pytest.mark.parametrize("keys", [(), (b"short",), (NEW, b"short")])
def test_weak_keys_are_refused(keys: tuple[bytes, ...]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        NonceIssuer(keys)
    assert refused.value.clause == "RFC 6749 10.10"


@pytest.mark.parametrize("step, lifetime", [(0, 300), (300, 300), (-1, 5)])
def test_a_step_is_shorter_than_the_lifetime(step: float, lifetime: float) -> None:
    with pytest.raises(ConfigurationError, match=r"step.*lifetime"):
        NonceIssuer((NEW,), step=step, lifetime=lifetime)


def test_shows_no_key() -> None:
    assert "nnn" not in repr(NonceIssuer((NEW,)))
