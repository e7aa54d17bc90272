"""The clause that an error cites is one of the profile in force, in all three roles."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fapikit import client_context
from fapikit.clauses import SAID_BY_AN_RFC_TOO, cite_what_is_in_force, clause_in_force
from fapikit.clock import system_clock
from fapikit.dpop import NonceIssuer
from fapikit.errors import FapiError, ForbiddenAlgorithm
from fapikit.io import SyncDriver
from fapikit.jwks import RemoteKeySet
from fapikit.metadata import ServerMetadata, discover
from fapikit.profiles import PROFILES, Profile
from fapikit.stores.sealed import Seal
from fapikit.urls import require_secure
from rskit import Issuer, ResourceServer

ROOT = Path(__file__).resolve().parents[2]
CITED = re.compile(r"(FAPI2-SP|FAPI2-MS|FAPI1-BL|FAPI1-ADV) [\w.-]+( N\d)?")
OF_ONE_PROFILE = {
    "FAPI1-ADV 5.2.3.1-4",  # s_hash: no RFC has it
    "FAPI1-BL 6.2.2-3",  # the x-fapi headers: nothing else defines them
    "FAPI1-BL 6.2.2-4",
    "FAPI1-BL 6.2.2-5",
}
NO_ERRORS = {"profiles.py", "quirks.py", "clauses.py"}


def cited_in_code() -> dict[str, str]:
    """Each string that is a FAPI clause and nothing else, and where it stands. What a scan tells is no error."""
    found = {}
    for package in ("fapikit", "rpkit", "rskit", "askit", "asgi_mw", "wsgi_mw"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name in NO_ERRORS or {"attacks", "lies"} & set(path.parts):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and CITED.fullmatch(node.value)
                ):
                    found[node.value] = str(path.relative_to(ROOT))
    return found


def test_each_fapi_clause_that_an_error_may_cite_has_its_rfc() -> None:
    cited = cited_in_code()
    assert len(cited) > 30
    assert {clause: path for clause, path in cited.items() if clause not in SAID_BY_AN_RFC_TOO} == {
        clause: path for clause, path in cited.items() if clause in OF_ONE_PROFILE
    }
    assert not set(SAID_BY_AN_RFC_TOO.values()) & set(SAID_BY_AN_RFC_TOO)


WITHOUT_A_PROFILE: dict[str, Callable[[], object]] = {
    "the issuer of an API": lambda: Issuer("http://as.example"),
    "an URL": lambda: require_secure("http://bank.example", "it"),
    "a key set": lambda: RemoteKeySet("http://bank.example/jwks", clock=system_clock),
    "a seal": lambda: Seal([b"short"]),
    "the keys of nonces": lambda: NonceIssuer((b"short",)),
}


@pytest.mark.parametrize("what", WITHOUT_A_PROFILE)
def test_what_is_checked_without_a_profile_cites_no_profile(what: str) -> None:
    with pytest.raises(FapiError) as caught:
        WITHOUT_A_PROFILE[what]()
    assert caught.value.clause.startswith("RFC ")


def calls_over_http(profile: Profile) -> dict[str, Callable[[], object]]:
    """A URL that is not https, or an authority that is empty, in each role."""
    there = Issuer("https://as.example")
    return {
        "issuer": lambda: SyncDriver(profile=profile).run(discover("http://bank.example")),
        "endpoint": lambda: ServerMetadata(
            "https://bank.example", {"token_endpoint": "http://bank.example/token"}
        ).endpoint("token_endpoint"),
        "resource": lambda: ResourceServer(resource="http://api.example", issuers=[there], profile=profile),
        "ca": lambda: client_context(ca="", profile=profile),
        "a ca that is no file": lambda: client_context(ca="/nowhere", profile=profile),
    }


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("what", calls_over_http(PROFILES["oauth-2.1"]))
def test_transport_rules_cite_what_is_in_force(what: str, profile: Profile) -> None:
    with pytest.raises(FapiError) as caught:
        calls_over_http(profile)[what]()
    cited = caught.value.clause
    assert cited == clause_in_force(cited, profile)
    assert cited.startswith(("RFC ", "FAPI2-SP 5.2.1-"))


@pytest.mark.parametrize(
    ("name", "clause", "cited"),
    [
        ("fapi2-security", "FAPI2-SP 5.3.4-2", "FAPI2-SP 5.3.4-2"),
        ("fapi2-security", "FAPI2-MS 5.3.3", "RFC 7591 2"),
        ("fapi2-message-signing", "FAPI2-MS 5.3.3", "FAPI2-MS 5.3.3"),
        ("fapi2-security", "FAPI1-BL 5.2.3-4", "RFC 9700 4.4.2"),
        ("fapi1-advanced", "FAPI1-BL 5.2.3-4", "FAPI1-BL 5.2.3-4"),
        ("oauth-2.1", "FAPI2-SP 5.3.4-2", "RFC 9700 4.3.2"),
        ("oauth-2.1", "RFC 9449 4.3", "RFC 9449 4.3"),
        ("fapi1-baseline", "FAPI2-SP 5.3.2.2-9", "FAPI1-BL 5.2.2-13"),
        ("fapi1-baseline", "FAPI2-MS 5.3.1-2", "RFC 9101 4b"),
        ("fapi1-advanced", "FAPI2-MS 5.3.1-2", "FAPI1-ADV 5.2.2-15"),
    ],
)
def test_what_is_in_force(name: str, clause: str, cited: str) -> None:
    assert clause_in_force(clause, PROFILES[name]) == cited


@pytest.mark.spec("FAPI1-ADV 8.6-1", "FAPI2-SP 5.4.1-1.2")
@pytest.mark.parametrize(
    ("name", "alg", "cited"),
    [
        ("fapi1-advanced", "RS256", "FAPI1-ADV 8.6-1"),
        ("fapi1-advanced", "none", "FAPI1-ADV 8.6-1"),
        ("fapi2-security", "RS256", "FAPI2-SP 5.4.1-1.2"),
        ("oauth-2.1", "HS256", "RFC 8725 3.1"),
        # The profile has it, and somebody registered another; and what no signature is made with.
        ("fapi1-advanced", "PS256", "RFC 8725 3.1"),
        ("fapi1-advanced", "RSA-OAEP-384", "RFC 8725 3.1"),
    ],
)
def test_an_algorithm_is_forbidden_by_the_profile_that_does_not_have_it(
    name: str, alg: str, cited: str
) -> None:
    error = ForbiddenAlgorithm("no", facts={"alg": alg})
    cite_what_is_in_force(error, PROFILES[name])
    assert error.clause == cited


@pytest.mark.parametrize("profile", PROFILES.values(), ids=str)
def test_no_value_of_a_profile_has_a_clause_of_another(profile: Profile) -> None:
    own = {
        "oauth-2.1": set[str](),
        "fapi1-baseline": {"FAPI1-BL"},
        "fapi1-advanced": {"FAPI1-BL", "FAPI1-ADV"},
        "fapi-ciba": {"FAPI1-BL", "FAPI1-ADV", "FAPI-CIBA"},
        "fapi2-security": {"FAPI2-SP"},
        "fapi2-message-signing": {"FAPI2-SP", "FAPI2-MS"},
    }[profile.name]
    documents = {clause.split(" ")[0] for clause in profile.clauses.values()}
    assert {document for document in documents if document.startswith("FAPI")} == own
