"""`make demo`, run as a newcomer would: what every run must show, whatever was chosen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MESSAGE = re.compile(r"   \d{2,3} \w+ -> \w+ +(GET|POST|DELETE) +\S+ \d{3} \| .+ \| .+ \| \d+ ms")


# What a message signed is told as, and where.
_FAPI_1, _FAPI_2 = "fapi1-advanced", "fapi2-message-signing"
SIGNED = {
    "a signed request object": (_FAPI_1, _FAPI_2),
    "one signed response goes back": (_FAPI_1, _FAPI_2),
    "/callback/oldmill?response=***": (_FAPI_2,),
    "signed for this API": (_FAPI_2,),
    "an ID token that signs it": (_FAPI_1,),
    "c_hash, s_hash and nonce of the ID token hold": (_FAPI_1,),
}

# How an attack on a consent ends: the status and the rule, then what the attacker is told.
CONSENTS_REFUSED = {
    "a token for the account not chosen: 403, RFC 9396 9": "no granted authorization detail covers",
    "a consent to what is no account: 400, RFC 9396 5": "invalid_authorization_details, .*accounts.0.iban must match ",
    "a consent merged into another client's grant: 400, GM 5.4": "invalid_grant_id",
    "a look at another client's grant: 403, GM 6.6": "this grant is of another client",
    "an intent of another client: 400, LODGING 4": "no such intent was lodged here, or another client lodged it",
    "a consent that has lapsed: 40[13], RFC 6750 3.1": (
        "the consent that covers this request has ended|the status list of its issuer says|expired"
    ),
    r"a status flipped between two calls \(.*\): 401, TSL 8.3": "the status list of its issuer says",
}


def demo(asked: str) -> subprocess.CompletedProcess[str]:
    profile, *others = asked.split()
    choices = ["--profile", profile]
    for other in others:
        name, _, value = other.partition("=")
        choices += [f"--{name.lower()}", value]
    return subprocess.run(
        [sys.executable, "-m", "examples.demo", *choices],
        cwd=ROOT,
        env={**os.environ, "ONCE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def play(asked: str, ends: str, subtests: pytest.Subtests) -> str:
    """One run for all that is looked at, for a run takes seconds. `ends`: its last line. Returns what it printed."""
    run = demo(asked)
    assert run.returncode == 0, run.stdout + run.stderr
    trace, on_the_phone = run.stdout, asked.startswith("fapi-ciba")
    consents = "FLOW=consents" in asked
    by_browser = not on_the_phone and "FLOW=device" not in asked
    messages = [line for line in trace.splitlines() if " -> " in line]

    with subtests.test("every step passes and every refusal holds"):
        assert trace.splitlines()[-1] == ends

    with subtests.test("every message is one line with meaning, clause and time"):
        assert len(messages) > 30
        assert [line for line in messages if not MESSAGE.fullmatch(line)] == []
        assert "an unforeseen answer" not in trace

    with subtests.test("the clauses are those of the profile in force"):
        assert any("| FAPI2-" in line for line in messages) is asked.startswith("fapi2")
        assert any("| FAPI1-" in line for line in messages) is asked.startswith(("fapi1", "fapi-ciba"))
        assert any("| FAPI-CIBA" in line for line in messages) is on_the_phone

    with subtests.test("signed messages are told apart"):
        for words, where in SIGNED.items():
            # Where no browser comes back, there is no signed response.
            played = by_browser or words == "a signed request object"
            if consents:  # its API introspects nothing, and its app has one way to be answered
                one_way = words == "one signed response goes back" and asked.startswith(_FAPI_1)
                played = played and words != "signed for this API" and not one_way
            assert (words in trace) is (played and asked.startswith(where)), words

    with subtests.test("what comes after the end of a grant says why"):
        refusal = r'the refresh token: https://\S+/token refused: invalid_grant, "this grant was revoked'
        assert bool(re.search(refusal, trace)) is not on_the_phone

    with subtests.test("the bank pings the shop, and nobody else"):
        assert bool(re.search(r"bank -> shop +POST /ciba-notification 204", trace)) is on_the_phone

    with subtests.test("one API introspects, the other does not"):
        assert bool(re.search(r"payments -> bank +POST +/introspect 200", trace)) is ("FLOW=" not in asked)
        assert not re.search(r"accounts -> bank +POST +/introspect", trace)

    with subtests.test("the accounts API reads status lists"):
        assert bool(re.search(r"accounts -> bank +GET +/status_lists/\*\*\* 200", trace)) is not on_the_phone

    with subtests.test("who stretches a consent is told why not"):
        for title, told in CONSENTS_REFUSED.items():
            refusal = rf"^[a-z]\. {title}\n(   \d{{2,3}} .*\n)+ +.*({told})"
            assert bool(re.search(refusal, trace, re.MULTILINE)) is consents, title

    with subtests.test("no secret is shown"):
        assert "eyJ" not in trace, "a JWT is shown"
        for name in ("code", "state", "request", "request_uri", "response", "access_token", "user_code"):
            assert re.search(rf"[?&]{name}=(?!\*\*\*)", trace) is None, f"the value of {name} is shown"
    return trace


def play_at_two_banks(asked: str, ends: str, subtests: pytest.Subtests) -> None:
    """The same for a run with two banks, which must not be taken for one another."""
    trace = play(asked, ends, subtests)

    with subtests.test("the second bank is another issuer, with clients and keys of its own"):
        for bank in ("bank", "bank2"):
            assert f"fintech -> {bank} " in trace
            assert f"accounts -> {bank} " in trace
        assert "client_id=penny-at-harbour" in trace

    with subtests.test("what one bank answered is not taken for an answer of the other"):
        assert re.search(r"an answer of the other bank: refused, (RFC 9207 2.4a|JARM 2.4-2)\n", trace)
