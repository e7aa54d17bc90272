"""What a client says of itself is shown where the user decides; its logo is fetched only where the bank lets it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from askit import Config
from askit.errors import InvalidClientMetadata
from fapikit.errors import ConfigurationError
from tests.askit.bank import FINTECH, Bank, settings

pytestmark = pytest.mark.anyio

ABOUT = {
    "client_uri": "https://fintech.example.test/",
    "policy_uri": "https://legal.example.test:8443/privacy?a=1&b=2",
    "tos_uri": "https://legal.example.test/terms",
    "logo_uri": "https://cdn.example.test/logo.png",
}


async def consent_page(client_metadata: dict[str, Any], **changes: Any) -> httpx.Response:
    bank = Bank(clients=[{**FINTECH, **client_metadata}, *settings()["clients"][1:]], **changes)
    client = bank.client()
    login = await client.authorize(await client.pushed())
    return await client.submit(login, username="alice", password="wonderland")


@pytest.mark.spec("RFC 7591 2", "OIDC Registration 2")
async def test_links_are_shown_with_their_hosts_and_no_image_is_fetched() -> None:
    page = await consent_page(ABOUT)
    for text, uri, host in (
        ("Its pages", "https://fintech.example.test/", "fintech.example.test"),
        (
            "Its privacy policy",
            "https://legal.example.test:8443/privacy?a=1&amp;b=2",
            "legal.example.test:8443",
        ),
        ("Its terms of service", "https://legal.example.test/terms", "legal.example.test"),
        ("Its logo", "https://cdn.example.test/logo.png", "cdn.example.test"),
    ):
        assert f'<a href="{uri}" target="_blank" rel="noopener noreferrer nofollow">{text}</a>' in page.text
        assert f'<span class="origin">{host}</span>' in page.text
    assert "<img" not in page.text
    assert "img-src 'self';" in page.headers["content-security-policy"]


async def test_without_any_there_is_nothing_to_show() -> None:
    page = await consent_page({})
    assert "says of itself" not in page.text
    assert "_blank" not in page.text


async def test_they_are_shown_in_japanese() -> None:
    bank = Bank(clients=[{**FINTECH, **ABOUT}, *settings()["clients"][1:]])
    client = bank.client()
    login = await client.authorize(await client.pushed(ui_locales="ja"))
    page = await client.submit(login, username="alice", password="wonderland")
    assert all(text in page.text for text in ("からの情報", "プライバシーポリシー", "利用規約", "ロゴ"))


@pytest.mark.parametrize("origins", [["https://cdn.example.test"], ["*"]])
async def test_a_logo_is_fetched_from_origins_that_the_bank_allows(origins: list[str]) -> None:
    page = await consent_page(ABOUT, logo_origins=origins)
    assert '<img src="https://cdn.example.test/logo.png" alt="">' in page.text
    assert "Its logo" not in page.text
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' https://cdn.example.test;" in policy
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "logo", ["https://other.example.test/logo.png", "https://cdn.example.test:8443/logo.png"]
)
async def test_a_logo_from_elsewhere_is_a_link(logo: str) -> None:
    page = await consent_page({**ABOUT, "logo_uri": logo}, logo_origins=["https://cdn.example.test"])
    assert "<img" not in page.text
    assert "Its logo" in page.text


@pytest.mark.parametrize("host", ["cdn.example;script-src", "a,default-src", "a'unsafe-inline'"])
async def test_no_host_adds_to_the_policy(host: str) -> None:
    page = await consent_page({**ABOUT, "logo_uri": f"https://{host}/logo.png"}, logo_origins=["*"])
    assert host not in page.headers["content-security-policy"]
    assert "<img" not in page.text


@pytest.mark.parametrize(
    "scheme", ["javascript:alert(1)", "data:text/html,x", "http://fintech.example.test/"]
)
@pytest.mark.parametrize("member", sorted(ABOUT))
async def test_what_is_not_https_is_not_registered(member: str, scheme: str) -> None:
    with pytest.raises(InvalidClientMetadata, match=member):
        await consent_page({member: scheme})


def test_an_origin_is_one() -> None:
    with pytest.raises(ConfigurationError, match="logo_origins"):
        Config.from_mapping(settings(logo_origins=["https://cdn.example.test/logos/"]))
