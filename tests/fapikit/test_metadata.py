"""Server metadata: where it is asked for, and what makes it unusable."""

from __future__ import annotations

from typing import Any

import pytest

from fapikit.errors import (
    ConfigurationError,
    FapiError,
    InsecureUrl,
    IssuerMismatch,
    MalformedMessage,
    MissingMetadata,
    Remedy,
    ResponseTooLarge,
    UnexpectedRedirect,
    UnexpectedStatus,
    Unreachable,
)
from fapikit.metadata import ServerMetadata, discover, read_metadata, refuse_well_known, well_known_url
from tests.hands import Hand, answer

AS = "https://as.example/tenant"
GOOD: dict[str, Any] = {
    "issuer": AS,
    "token_endpoint": f"{AS}/token",
    "scopes_supported": ["openid"],
    "request_parameter_supported": True,
    "authorization_response_iss_parameter_supported": True,
    "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.as.example/token"},
    "unknown_member": {"a": [1]},
}


@pytest.mark.spec("RFC 8414 3", "FAPI2-SP 5.3.3.1-9", "FAPI1-BL 5.2.3-11")
@pytest.mark.parametrize(
    "issuer, oauth, openid",
    [
        (
            "https://a.example",
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/",
            "https://a.example/.well-known/oauth-authorization-server",
            "https://a.example/.well-known/openid-configuration",
        ),
        (
            "https://a.example/t/1",
            "https://a.example/.well-known/oauth-authorization-server/t/1",
            "https://a.example/t/1/.well-known/openid-configuration",
        ),
        (
            "https://a.example:8443/t/",
            "https://a.example:8443/.well-known/oauth-authorization-server/t",
            "https://a.example:8443/t/.well-known/openid-configuration",
        ),
    ],
)
def test_the_document_has_its_place(issuer: str, oauth: str, openid: str) -> None:
    assert well_known_url(issuer, "oauth-authorization-server") == oauth
    assert well_known_url(issuer, "openid-configuration") == openid


PLACES = [well_known_url(AS, "oauth-authorization-server"), well_known_url(AS, "openid-configuration")]
NO_METADATA: dict[
    str, tuple[Any, Remedy]
] = {  # what stands where metadata might be, and what to do if all is like it
    "nothing": (answer(b"", 404), Remedy.FIX_CONFIGURATION),
    "gone": (answer(b"", 410), Remedy.FIX_CONFIGURATION),
    "a gateway that forbids": (answer(b"<html>", 403), Remedy.FIX_CONFIGURATION),
    "an OAuth error": (answer({"error": "invalid_request"}, 400), Remedy.FIX_CONFIGURATION),
    "a redirect to a page": (
        UnexpectedRedirect("https://as.example/there answered with a redirect", facts={"status": 302}),
        Remedy.FIX_CONFIGURATION,
    ),
    "a server that failed": (answer(b"", 500), Remedy.RETRY_LATER),
    "a gateway without its server": (answer(b"<html>", 502), Remedy.RETRY_LATER),
    "a page under 200": (answer("<!doctype html>", 200, "text/html"), Remedy.TELL_THE_PEER),
    "broken JSON": (answer(b'{"issuer": "x",, }'), Remedy.TELL_THE_PEER),
    "a list": (answer([GOOD]), Remedy.TELL_THE_PEER),
    "the issuer twice": (
        answer(b'{"issuer":"https://as.example/tenant","issuer":"x"}'),
        Remedy.TELL_THE_PEER,
    ),
    "JSON of a catch-all": (answer({"message": "not here"}), Remedy.TELL_THE_PEER),
    "an issuer that is empty": (answer({**GOOD, "issuer": ""}), Remedy.TELL_THE_PEER),
}


@pytest.mark.spec("RFC 8414 3.2")
@pytest.mark.parametrize("what", NO_METADATA)
def test_where_no_metadata_is_the_next_address_is_asked(what: str) -> None:
    hand = Hand(NO_METADATA[what][0], answer(GOOD))
    assert hand.run(discover(AS)).issuer == AS
    assert [request.url for request in hand.requests] == PLACES


@pytest.mark.spec("RFC 8414 3.2")
@pytest.mark.parametrize("what", NO_METADATA)
def test_where_no_metadata_is_anywhere_the_error_tells_what_is_there(what: str) -> None:
    found, remedy = NO_METADATA[what]
    hand = Hand(found, found)
    with pytest.raises(FapiError) as refused:
        hand.run(discover(AS))
    assert len(hand.requests) == 2
    assert refused.value.remedy is remedy
    assert refused.value.clause == "RFC 8414 3.2"
    if remedy is Remedy.FIX_CONFIGURATION:
        assert "letter by letter" in str(refused.value)
        assert "metadata=ServerMetadata" in str(refused.value)
        assert "metadata_url=" in str(refused.value)
    assert str(refused.value).count("https://as.example/") >= 2, "what stands at each address is told"


def test_a_first_address_that_fails_may_hold_the_metadata_later() -> None:
    """So a second one without any does not mean that the issuer is mistyped."""
    with pytest.raises(UnexpectedStatus, match=r"cannot be fetched now.*status 503.*status 404") as refused:
        Hand(answer(b"", 503), answer(b"", 404)).run(discover(AS))
    assert refused.value.remedy is Remedy.RETRY_LATER


def test_a_server_that_does_not_answer_is_not_asked_again() -> None:
    hand = Hand(Unreachable("reset"))
    with pytest.raises(Unreachable):
        hand.run(discover(AS))
    assert len(hand.requests) == 1


def test_a_page_that_is_too_large_is_no_metadata() -> None:
    assert Hand(ResponseTooLarge("a page"), answer(GOOD)).run(discover(AS)).issuer == AS


@pytest.mark.spec("RFC 8414 3.3")
def test_metadata_may_lie_elsewhere_if_that_is_said() -> None:
    url = "https://docs.example/as.json"
    hand = Hand(answer(GOOD))
    assert hand.run(discover(AS, url=url)).issuer == AS
    assert [request.url for request in hand.requests] == [url]
    for refused, error in (
        (answer({**GOOD, "issuer": "https://docs.example"}), IssuerMismatch),
        (answer(b"", 404), UnexpectedStatus),
    ):
        with pytest.raises(error):
            Hand(refused).run(discover(AS, url=url))
    for insecure in ("http://docs.example/as.json", "http://localhost/as.json"):
        with pytest.raises(InsecureUrl):
            Hand().run(discover(AS, url=insecure))


@pytest.mark.spec("FAPI2-SP 5.3.3.1-10")
@pytest.mark.parametrize(
    "issuer, error",
    [
        ("http://as.example", InsecureUrl),
        ("as.example", InsecureUrl),
        ("https://u:p@as.example", InsecureUrl),
        ("https://as.example\n", InsecureUrl),
        ("https://as.example?x", ConfigurationError),
        ("https://as.example#x", ConfigurationError),
        ("https://as.example/.well-known/openid-configuration", ConfigurationError),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_not_asked(issuer: str, error: type[FapiError]) -> None:
    hand = Hand()
    with pytest.raises(error):
        hand.run(discover(issuer))
    assert hand.requests == []


@pytest.mark.spec("RFC 8414 3.3", "FAPI2-SP 5.3.3.1-11")
@pytest.mark.parametrize("issuer", [AS + "/", AS.upper(), "https://evil.example", [AS], 5])
def test_another_issuer_is_refused_code_point_for_code_point(issuer: Any) -> None:
    with pytest.raises(IssuerMismatch) as refused:
        Hand(answer({**GOOD, "issuer": issuer})).run(discover(AS))
    assert refused.value.clause == "RFC 8414 3.3"
    mistyped = issuer in (AS + "/", AS.upper())
    assert refused.value.remedy is (Remedy.FIX_CONFIGURATION if mistyped else Remedy.TELL_THE_PEER)
    # Both are shown, and the argument that settles it.
    assert f"issuer={str(issuer)!a}" in str(refused.value)
    assert repr(AS) in str(refused.value)
    assert ("letter by letter" in str(refused.value)) == mistyped
    assert ("metadata_url='https://as.example/.well-known" in str(refused.value)) != mistyped


# --- One odd member ------------------------------------------------------------------------------

BORNE: dict[str, tuple[str, Any, Any]] = {  # the member, what came, and what `raw` has
    "a list as text": ("scopes_supported", "openid accounts", ["openid", "accounts"]),
    "a list with a number in it": ("scopes_supported", ["openid", 1], ["openid"]),
    "a list that is an object": ("code_challenge_methods_supported", {"S256": True}, None),
    "a list that is null": ("acr_values_supported", None, None),
    "a list that is empty text": ("acr_values_supported", "", None),
    "numbers where nobody looks": ("acr_values_supported", [1, 2], []),
    "a flag as text": ("request_parameter_supported", "true", True),
    "a flag as text in capitals": ("require_pushed_authorization_requests", "FALSE", False),
    "a flag of a name of its own": ("tls_client_certificate_bound_access_tokens", "true", True),
    "an empty list": ("code_challenge_methods_supported", [], None),
    "an empty list of methods": ("token_endpoint_auth_methods_supported", [], None),
    "an object of another specification": ("credential_configurations_supported", {"pid": {}}, {"pid": {}}),
    "a list of objects of another one": ("things_supported", [{"a": 1}], [{"a": 1}]),
    "an endpoint that is null": ("introspection_endpoint", None, None),
    "an endpoint that is empty": ("registration_endpoint", "", None),
    "aliases that are null": ("mtls_endpoint_aliases", None, None),
    "an unknown member that is null": ("what_else", None, None),
}


@pytest.mark.spec("RFC 8414 2", "RFC 8414 3.2")
@pytest.mark.parametrize("what", BORNE)
def test_one_odd_member_does_not_spoil_a_document(what: str) -> None:
    name, came, found = BORNE[what]
    known = read_metadata(AS, {**GOOD, name: came})
    assert known.raw.get(name) == found
    assert type(known.raw.get(name)) is type(found)
    assert known.has(name) is (found is not None)
    assert known.endpoint("token_endpoint") == f"{AS}/token"
    with pytest.raises(MissingMetadata):
        known.endpoint("introspection_endpoint")


def test_what_was_borne_with_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    insecure = "end_session_endpoint of the metadata must be https (http on loopback only)"
    with caplog.at_level("INFO", "fapikit.peer"):
        read_metadata(
            AS, {**GOOD, "scopes_supported": "openid", "end_session_endpoint": "http://as.example/x"}
        )
    assert [record.message for record in caplog.records] == [
        f"the metadata of {AS}: scopes_supported: it is a string and is read as the list of its words [RFC 8414 2]",
        f"the metadata of {AS}: end_session_endpoint is left out: {insecure} [RFC 8414 2]",
    ]


UNUSABLE: dict[str, tuple[Any, type[FapiError], str]] = {
    "in clear text": ("http://as.example/x", InsecureUrl, "must be https"),
    "on this machine": ("http://localhost/x", InsecureUrl, "must be https"),
    "with a user": ("https://a@b.example/", InsecureUrl, "must be https"),
    "without a scheme": ("/x", InsecureUrl, "must be https"),
    "a list": (["https://as.example/x"], MalformedMessage, "is not a string"),
    "a number": (5, MalformedMessage, "is not a string"),
    "with a fragment": ("https://as.example/#x", MalformedMessage, "has a fragment"),
}


@pytest.mark.spec("FAPI2-SP 5.3.3.1-10")
@pytest.mark.parametrize("what", UNUSABLE)
@pytest.mark.parametrize("name", ["userinfo_endpoint", "token_endpoint", "jwks_uri"])
def test_an_endpoint_that_cannot_be_called_is_refused_where_it_is_asked_for(what: str, name: str) -> None:
    url, error, text = UNUSABLE[what]
    known = read_metadata(AS, {**GOOD, name: url})
    assert known.has(name), "nobody takes another way because of it"
    for _ in range(2):
        with pytest.raises(error, match=f"{name} .*{text}"):
            known.endpoint(name)


ALIASES: dict[str, tuple[Any, type[FapiError] | str]] = {
    "no object": ([], MalformedMessage),
    "a number": ({"token_endpoint": 1}, MalformedMessage),
    "in clear text": ({"token_endpoint": "http://mtls.as.example/token"}, InsecureUrl),
    "null": ({"token_endpoint": None}, f"{AS}/token"),
    "empty": ({"token_endpoint": ""}, f"{AS}/token"),
    "another one that is odd": (
        {"token_endpoint": "https://mtls.as.example/token", "x": 1},
        "https://mtls.as.example/token",
    ),
}


@pytest.mark.spec("RFC 8705 5")
@pytest.mark.parametrize("what", ALIASES)
def test_an_odd_alias_is_refused_where_it_is_asked_for(what: str) -> None:
    aliases, expected = ALIASES[what]
    known = read_metadata(AS, {**GOOD, "mtls_endpoint_aliases": aliases})
    assert known.endpoint("token_endpoint") == f"{AS}/token"
    if isinstance(expected, str):
        assert known.endpoint("token_endpoint", mtls=True) == expected
    else:
        with pytest.raises(expected):
            known.endpoint("token_endpoint", mtls=True)


@pytest.mark.parametrize("value", [1, "yes", [], {}])
def test_a_flag_on_which_a_decision_hangs_is_never_guessed(value: Any) -> None:
    name = "authorization_response_iss_parameter_supported"
    with pytest.raises(MalformedMessage, match="neither true nor false"):
        read_metadata(AS, {**GOOD, name: value}).flag(name)


# --- Described by hand ---------------------------------------------------------------------------


def test_a_server_can_be_described_by_hand() -> None:
    known = ServerMetadata(AS, {"token_endpoint": f"{AS}/token", "jwks_uri": f"{AS}/jwks"})
    assert known.raw["issuer"] == AS
    assert known.endpoint("jwks_uri") == f"{AS}/jwks"
    assert known == ServerMetadata(AS, {"issuer": AS, **known.raw})


@pytest.mark.parametrize(
    ("issuer", "error"), [("http://as.example", InsecureUrl), ("https://as.example?x", ConfigurationError)]
)
def test_a_description_is_held_to_the_same_rules(issuer: str, error: type[FapiError]) -> None:
    with pytest.raises(error):
        ServerMetadata(issuer, {})
    with pytest.raises(InsecureUrl):
        ServerMetadata(AS, {"token_endpoint": "http://as.example/token"}).endpoint("token_endpoint")


# --- Reading it ----------------------------------------------------------------------------------


def metadata() -> ServerMetadata:
    return read_metadata(AS, GOOD)


@pytest.mark.spec("RFC 8705 5", "FAPI2-SP 5.3.3.1-7")
def test_an_alias_is_preferred_where_one_is_listed_and_only_with_mutual_tls() -> None:
    known = read_metadata(AS, {**GOOD, "userinfo_endpoint": f"{AS}/me"})
    assert known.endpoint("token_endpoint") == f"{AS}/token"
    assert known.endpoint("token_endpoint", mtls=True) == "https://mtls.as.example/token"
    assert known.endpoint("userinfo_endpoint", mtls=True) == f"{AS}/me"


def test_a_missing_endpoint_is_named() -> None:
    with pytest.raises(MissingMetadata) as missing:
        metadata().endpoint("revocation_endpoint")
    assert missing.value.facts["member"] == "revocation_endpoint"
    assert not metadata().has("revocation_endpoint")


def test_members_are_read_by_their_type() -> None:
    known = metadata()
    assert known.strings("scopes_supported") == ("openid",)
    assert known.strings("acr_values_supported") is None
    assert known.flag("request_parameter_supported")
    assert not known.flag("require_pushed_authorization_requests")
    assert known.strings("request_parameter_supported") is None


def test_is_read_only() -> None:
    known: Any = metadata()
    with pytest.raises(TypeError):
        known.raw["issuer"] = "x"
    with pytest.raises(TypeError):
        known.mtls_endpoint_aliases["token_endpoint"] = "x"


def test_a_list_of_other_things_is_never_taken_for_strings() -> None:
    assert read_metadata(AS, {**GOOD, "contacts": ["a", 1]}).strings("contacts") is None
    assert read_metadata(AS, {**GOOD, "contacts": ["a"]}).strings("contacts") == ("a",)


@pytest.mark.spec("RFC 8414 3")
@pytest.mark.parametrize(
    "given, meant",
    [
        ("https://a.example/.well-known/openid-configuration", "https://a.example"),
        ("https://a.example/t/.well-known/openid-configuration", "https://a.example/t"),
        ("https://a.example/.well-known/oauth-authorization-server/t/1", "https://a.example/t/1"),
    ],
)
def test_who_gives_the_address_of_metadata_learns_which_issuer_is_meant(given: str, meant: str):
    with pytest.raises(ConfigurationError, match=f"probably '{meant}'"):
        refuse_well_known(given)
