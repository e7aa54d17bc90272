"""The bank's colour and logo: on its pages as they were configured, and refused where nobody could read them."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from askit import AuthorizationServer, Config
from askit.config.look import DARK, LIGHT, contrast
from fapikit.errors import ConfigurationError
from fapikit.stores import MemoryStore
from tests.askit.bank import Bank, settings

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
BLUE = "#124a8c"


@pytest.fixture
def logo(tmp_path: Path) -> str:
    path = tmp_path / "harbour bank.svg"
    path.write_text(SVG)
    return str(path)


@pytest.mark.anyio
async def test_the_pages_have_the_banks_colour_and_logo(logo: str) -> None:
    bank = Bank(look={"accent": BLUE, "logo": logo})
    client = bank.client()
    login = await client.authorize(await client.pushed())
    assert '<img src="/static/harbour%20bank.svg" alt="">' in login.text
    assert "<svg" not in login.text
    assert '<link rel="icon" href="/static/harbour%20bank.svg">' in login.text
    image = await bank.browser().get("/static/harbour%20bank.svg")
    assert (image.text, image.headers["content-type"]) == (SVG, "image/svg+xml")
    style = (await bank.browser().get("/style.css")).text
    assert f"--accent: {BLUE};" in style
    plain = Bank().client()
    without = await plain.authorize(await plain.pushed())
    assert "<svg" in without.text
    assert '<link rel="icon" href="/icon.svg">' in without.text, "so no browser asks for /favicon.ico"
    icon = await Bank().browser().get("/icon.svg")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
    policies = {page.headers["content-security-policy"] for page in (login, without)}
    assert len(policies) == 1, "a look needs nothing that the policy forbids"


@pytest.mark.anyio
async def test_a_style_of_the_banks_own_gets_the_colours_too(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("a { color: var(--accent) }")
    browser = Bank(templates=str(tmp_path), look={"accent": BLUE}).browser()
    style = (await browser.get("/style.css")).text
    assert style.startswith("a { color: var(--accent) }\n:root { --accent: #124a8c;")


@pytest.mark.parametrize("accent", ["#000000", BLUE, "#0b5d4e", "#7a0019", "#0000ff"])
def test_on_dark_pages_the_colour_is_made_light_enough_to_read(accent: str) -> None:
    style = Config.from_mapping(settings(look={"accent": accent})).look.style
    light, dark = re.findall(r"--accent: (#[0-9a-f]{6}); --on-accent: (#[0-9a-f]{6})", style)
    for (colour, on_it), pages in ((light, LIGHT), (dark, DARK)):
        assert min(contrast(colour, under) for under in (*pages, on_it)) >= 4.5


def test_the_contrasts_are_those_of_the_standard() -> None:
    known = {("#ffffff", "#000000"): 21.0, ("#777777", "#ffffff"): 4.48, ("#ff0000", "#ffffff"): 4.0}
    assert {pair: round(contrast(*pair), 2) for pair in known} == known


def test_the_colours_are_compared_with_those_of_the_style_sheet() -> None:
    style = files("askit.pages").joinpath("style.css").read_text("utf-8")
    names = ("card", "paper")
    found = [tuple(re.findall(rf"--{name}: (#[0-9a-f]{{6}})", style)) for name in names]
    assert found == list(zip(LIGHT, DARK, strict=True))


@pytest.mark.parametrize(
    ("look", "told"),
    [
        ({"accent": "#ffcc00"}, r"look\.accent = '#ffcc00' cannot be read well .* Take a darker colour"),
        ({"accent": "#747474"}, r"on #f4f6f8"),  # white alone would do
        ({"accent": "navy"}, r"look\.accent = 'navy' is not a colour: write it as #rrggbb"),
        ({"accent": "#124a8c;"}, r"is not a colour"),
        ({"accent": BLUE, "accent_dark": "#124a8c"}, r"look\.accent_dark .* Take a lighter colour"),
        ({"accent_dark": "#9ec5f4"}, r"look\.accent_dark belongs to look\.accent"),
        ({"logo": "logo.html"}, r"look\.logo = 'logo\.html' is not an image"),
        ({"logo": "none.svg"}, r"look\.logo: .*none\.svg cannot be read"),
        ({"acent": BLUE}, r"look\.acent is not a setting; did you mean accent\?"),
    ],
)
def test_a_look_that_nobody_could_see_is_refused(tmp_path: Path, look: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        AuthorizationServer(Config.from_mapping(settings(look=look), base=tmp_path), store=MemoryStore())


def test_two_files_with_one_name_are_refused(tmp_path: Path, logo: str) -> None:
    static = tmp_path / "pages" / "static"
    static.mkdir(parents=True)
    (static / "harbour bank.svg").write_text(SVG)
    config = Config.from_mapping(settings(templates="pages", look={"logo": logo}), base=tmp_path)
    with pytest.raises(ConfigurationError, match="rename one of them"):
        AuthorizationServer(config, store=MemoryStore())
