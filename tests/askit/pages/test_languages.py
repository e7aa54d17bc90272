"""The pages in English and Japanese: who chooses the language, and how the bank replaces a text."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from askit import Config
from askit.pages.catalogues import CATALOGUES, placeholders
from askit.pages.languages import prefer_header, prefer_locales, spoken
from askit.users.claims import SCOPE_CLAIMS
from fapikit.errors import ConfigurationError
from tests.askit.bank import Bank, settings
from tests.askit.plain_client import PAYMENT, PAYMENTS, PlainClient

TEMPLATES = {
    file.name: file.read_text("utf-8")
    for file in files("askit.pages").iterdir()
    if file.name.endswith(".html")
}
pytestmark = pytest.mark.anyio

SIGN_IN = {"en": "<h1>Sign in</h1>", "ja": "<h1>サインイン</h1>"}


# The catalogues


def test_every_language_has_every_text_with_the_same_placeholders() -> None:
    english = CATALOGUES["en"]
    for texts in CATALOGUES.values():
        assert texts.keys() == english.keys()
        for key, text in texts.items():
            assert placeholders(text) == placeholders(english[key]), key


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_text_stands_in_a_template(name: str) -> None:
    """What is left without expressions, tags and the script that is passed in has no letters."""
    left = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", TEMPLATES[name], flags=re.DOTALL)
    for shown in re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', left):
        assert not shown
    assert not re.search(r"\w", re.sub(r"<[^>]*>", "", left))


def test_no_literal_inside_an_expression_is_shown_but_a_key() -> None:
    """`{{ "words" if ... }}` would be text too: each literal in an expression is an argument of `say`."""
    used = set()
    for text in TEMPLATES.values():
        for expression in re.findall(r"{{(.*?)}}", text, flags=re.DOTALL):
            literals = set(re.findall(r'"([^"]*)"', expression))
            assert literals <= CATALOGUES["en"].keys()
            used |= literals
    assert {"login_title", "consent_once", "consent_access", "grants_link"} <= used


def test_every_text_is_used() -> None:
    sources = " ".join(TEMPLATES.values()) + " ".join(
        file.read_text("utf-8") for file in files("askit.pages").iterdir() if file.name.endswith(".py")
    )
    unused = {key for key in CATALOGUES["en"] if f'"{key}"' not in sources}
    assert {key for key in unused if not key.startswith(("scope_", "claim_", "field_"))} == set()


def test_each_claim_of_a_scope_has_a_text() -> None:
    for claim in (claim for claims in SCOPE_CLAIMS.values() for claim in claims):
        assert f"claim_{claim}" in CATALOGUES["en"]


# Who chooses


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ja", "ja"),
        ("ja-JP", "ja"),
        ("JA-jp", "ja"),
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("en;q=0.8, ja;q=0.9", "ja"),
        ("ja;q=0.5, en", "en"),
        ("fr-FR, fr;q=0.9, ja;q=0.1", "ja"),
        ("fr, de", "en"),
        ("*", "en"),
        ("ja;q=0", "en"),
        ("ja;q=0, en;q=0.1", "en"),
        ("ja;q=loud", "en"),
        ("ja;q=2", "en"),
        (",,;", "en"),
        ("jav", "en"),
    ],
)
async def test_the_browser_s_preference(client: PlainClient, header: str, language: str) -> None:
    client.http.headers["accept-language"] = header
    page = await client.authorize(await client.pushed())
    assert f'<html lang="{language}">' in page.text
    assert SIGN_IN[language] in page.text


@pytest.mark.spec("OIDC 3.1.2.1")
@pytest.mark.parametrize(
    ("ui_locales", "language"),
    [("ja", "ja"), ("fr-CA ja-JP en", "ja"), ("en ja", "en"), ("fr", "ja"), ("", "ja")],
)
async def test_ui_locales_win(client: PlainClient, ui_locales: str, language: str) -> None:
    client.http.headers["accept-language"] = "en" if language == "ja" and "ja" in ui_locales else "ja"
    page = await client.authorize(await client.pushed(ui_locales=ui_locales))
    assert f'<html lang="{language}">' in page.text


@pytest.mark.spec("OIDC Discovery 3")
async def test_the_metadata_name_the_languages(client: PlainClient) -> None:
    metadata = (await client.http.get("/.well-known/openid-configuration")).json()
    assert metadata["ui_locales_supported"] == ["en", "ja"]


async def test_ui_locales_are_kept_with_the_request(client: PlainClient) -> None:
    client.http.headers["accept-language"] = "en"
    uri = await client.pushed(ui_locales="ja-JP", authorization_details=[PAYMENT])
    login = await client.authorize(uri)
    wrong = await client.submit(login, username="alice", password="wrong")
    assert "ユーザー名またはパスワードが正しくありません。" in wrong.text
    consent = await client.submit(wrong, username="alice", password="wonderland")
    assert '<html lang="ja">' in consent.text
    assert "承認する" in consent.text
    assert "支払先: Merchant A" in consent.text
    assert "ご本人であることの確認" in consent.text
    assert "See your accounts and balances" in consent.text  # the bank's own words for its own scope
    assert '<html lang="en">' in (await client.http.get("/grants")).text


async def test_a_form_that_carries_the_response_speaks_too(client: PlainClient) -> None:
    page = await client.decide(await client.pushed(ui_locales="ja", response_mode="form_post"))
    assert "アプリケーションに戻ります" in page.text


async def test_pages_of_errors_speak_too(client: PlainClient) -> None:
    client.http.headers["accept-language"] = "ja"
    refused = await client.http.get("/authorize")
    assert refused.status_code == 400
    assert '<html lang="ja">' in refused.text
    assert "アプリケーションから送られた要求を、銀行は受け付けることができません。" in refused.text


async def test_the_page_of_a_request_that_expired_speaks_its_language(
    bank: Bank, client: PlainClient
) -> None:
    client.http.headers["accept-language"] = "en"
    uri = await client.pushed(ui_locales="ja")
    bank.clock.advance(bank.server.core.profile.par_lifetime + 1)
    assert '<html lang="ja">' in (await client.authorize(uri)).text


async def test_what_a_program_reads_stays_english(client: PlainClient) -> None:
    answer = await client.http.post("/token", data={}, headers={"accept-language": "ja"})
    assert answer.json()["error_description"].isascii()


async def test_the_pages_of_grants_and_of_signing_out(client: PlainClient) -> None:
    await client.decide(await client.pushed())
    client.http.headers["accept-language"] = "ja"
    grants = await client.http.get("/grants")
    assert "このアクセスを終了する" in grants.text
    leaving = await client.http.get("/end_session")
    assert "サインアウトしますか？" in leaving.text
    assert "サインアウトしました。" in (await client.submit(leaving)).text


@pytest.mark.spec("OIDC RP-Initiated Logout 2")
async def test_a_request_to_sign_out_names_its_languages_too(client: PlainClient) -> None:
    await client.decide(await client.pushed())
    leaving = await client.http.get("/end_session", params={"ui_locales": "fr ja"})
    assert "サインアウトしますか？" in leaving.text
    assert "<title>サインアウト · Example Bank</title>" in leaving.text
    assert "サインアウトしました。" in (await client.submit(leaving)).text


def test_a_preference_of_one_request_is_not_kept_for_the_next() -> None:
    prefer_header("en")
    prefer_locales(["ja"])
    assert spoken() == "ja"
    prefer_header("")
    assert spoken() == "en"


# Texts of the bank's own


async def test_a_text_of_the_bank_s_own_is_shown_escaped() -> None:
    mine = "<b>Log on</b> for {client}"
    client = Bank(texts={"en": {"login_for_client": mine}, "ja": {"login_title": "ログイン"}}).client()
    english = await client.authorize(await client.pushed())
    assert "&lt;b&gt;Log on&lt;/b&gt; for <strong>Fintech One</strong>" in english.text
    assert "<b>" not in english.text
    assert SIGN_IN["en"] in english.text  # the others stay
    japanese = await client.authorize(await client.pushed(ui_locales="ja"))
    assert "<h1>ログイン</h1>" in japanese.text


async def test_a_label_of_the_bank_s_own_is_escaped_once() -> None:
    client = Bank(texts={"en": {"scope_openid": "Know it's you", "detail_payee_account": "A & B"}}).client()
    login = await client.authorize(await client.pushed(authorization_details=[PAYMENT]))
    consent = await client.submit(login, username="alice", password="wonderland")
    assert "Know it&#39;s you" in consent.text
    assert "<dt>A &amp; B</dt>" in consent.text


OPEN: dict[str, Any] = {
    "authorization_details_types": [{"type": "payment_initiation", "resource": PAYMENTS, "name": "Payment"}],
    "users": [
        {"username": "alice", "password": "wonderland", "claims": {"email": "a@b.test", "account": "1"}}
    ],
}


async def test_claims_and_fields_have_names_in_japanese() -> None:
    client = Bank(**OPEN).client()
    claims = {"userinfo": {"email": None, "account": None}}
    details = [{**PAYMENT, "actions": ["pay"], "creditorAgent": {"bic": "EXMPJPJT"}}]
    asked = await client.pushed(ui_locales="ja", claims=claims, authorization_details=details)
    consent = await client.submit(await client.authorize(asked), username="alice", password="wonderland")
    assert "あなたの メールアドレス の参照" in consent.text
    assert "あなたの 口座 の参照" in consent.text
    assert "<dt>操作</dt><dd>pay</dd>" in consent.text
    assert "<dd>BIC: EXMPJPJT</dd>" in consent.text
    assert "<dt>Creditor agent</dt>" in consent.text  # has no text here


async def test_the_bank_names_its_own_claims_fields_scopes_and_types_in_each_language() -> None:
    texts = {
        "claim_account": "預金口座",
        "field_creditorAgent": "振込先の銀行",
        "scope_accounts": "口座と残高の参照",
        "type_payment_initiation": "振込",
    }
    client = Bank(texts={"ja": texts}, **OPEN).client()
    details = [{**PAYMENT, "creditorAgent": "EXMPJPJT"}]
    asked = {"claims": {"userinfo": {"account": None}}, "authorization_details": details}
    for language in ("ja", "en"):
        login = await client.authorize(await client.pushed(ui_locales=language, prompt="login", **asked))
        consent = await client.submit(login, username="alice", password="wonderland")
        for text in texts.values():
            assert (text in consent.text) is (language == "ja"), text
        assert ("See your accounts and balances" in consent.text) is (language == "en")


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"en": {"scope_account": "x"}}, r"texts\.en\.scope_account is not a setting; did you mean"),
        ({"en": {"type_payment": "x"}}, r"texts\.en\.type_payment is not a setting"),
        ({"en": {"claim_department": "{x}"}}, r"must have the placeholders .*: none"),
        (
            {"en": {"login_titel": "x"}},
            r"texts\.en\.login_titel is not a setting; did you mean login_title\?",
        ),
        ({"jp": {"login_title": "x"}}, r"texts\.jp is not a setting; did you mean ja\?|known here: en, ja"),
        ({"en": "x"}, r"texts\.en must be a table"),
        ({"en": {"login_title": 1}}, r"texts\.en\.login_title must be a text"),
        ({"en": {"login_title": " "}}, r"texts\.en\.login_title must be a text that is not empty"),
        ({"en": {"login_for_client": "Sign in"}}, r"must have the placeholders .*: \{client\}"),
        ({"en": {"login_title": "{client}"}}, r"must have the placeholders .*: none"),
        ({"en": {"login_for_client": "{client.__class__}"}}, "a placeholder must be a name in braces"),
        ({"en": {"login_for_client": "{client!r}"}}, "a placeholder must be a name in braces"),
        ({"en": {"login_for_client": "{client:9}"}}, "a placeholder must be a name in braces"),
        ({"en": {"login_for_client": "{client"}}, "cannot be read as a text with placeholders"),
        ({"en": {"login_for_client": "{}"}}, "a placeholder must be a name in braces"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused(texts: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Config.from_mapping(settings(texts=texts))
