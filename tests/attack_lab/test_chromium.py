"""The real browser of the lab: it trusts the lab's servers and no others, and no tab knows the cookies of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from playwright.async_api import Error
from starlette.responses import HTMLResponse, Response

from examples.attack_lab import chromium
from examples.attack_lab.answers import Refused
from examples.attack_lab.hostnames import MALLORYS, PENNY
from examples.attack_lab.lab import Lab
from examples.attack_lab.street import Place
from fapikit import server_context
from tests.programs import installed


@pytest.fixture(autouse=True)
def in_one_play(lab: Lab) -> Iterator[None]:
    installed("Chromium", chromium.executable())
    with lab.one_play():
        yield


def _page(lab: Lab, page: Response, host: str) -> str:
    site, origin = lab.mallorys_site(host)
    site.page = page
    return origin


def test_two_tabs_share_no_cookies(lab: Lab) -> None:
    page = HTMLResponse("hello")
    page.set_cookie("__Host-who", "alice", secure=True)
    origin = _page(lab, page, PENNY)
    first, second = lab.chromium(), lab.chromium()
    first.open(origin)
    assert (first.text, first.cookies(origin)) == ("hello", {"__Host-who": "alice"})
    assert second.cookies(origin) == {}


def test_an_error_page_is_a_refusal(lab: Lab) -> None:
    with pytest.raises(Refused, match="403 go away"):
        lab.chromium().open(_page(lab, HTMLResponse("go away", 403), MALLORYS))


def test_a_server_with_another_certificate_is_not_trusted(lab: Lab, tmp_path: Path) -> None:
    foreign = trustme.CA().issue_cert(PENNY)
    certificate, key = tmp_path / "foreign.pem", tmp_path / "foreign.key"
    foreign.cert_chain_pems[0].write_to_path(str(certificate))
    foreign.private_key_pem.write_to_path(str(key))
    origin = lab.serve(HTMLResponse("hello"), Place(host=PENNY), tls=server_context(certificate, key))
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        lab.chromium().open(origin)


def test_a_machine_without_a_browser_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium.shutil, "which", lambda _name: None)
    with pytest.raises(FileNotFoundError, match="no Chromium and no Chrome"):
        chromium.Chromium([])


def test_chrome_is_found_where_macos_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    chrome = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    monkeypatch.setattr(chromium.shutil, "which", lambda name: name if name == chrome else None)
    assert chromium.executable() == chrome
