"""A login that comes back by form_post, in a real browser: the cookie of the login must arrive with it."""

from __future__ import annotations

from examples.attack_lab import chromium
from examples.attack_lab.lab import Lab
from examples.attack_lab.penny import penny
from tests.attack_lab.taken_away import taken_away
from tests.programs import installed


def _alice_signs_in(lab: Lab, *, ends_at: str) -> str:
    """Returns what Alice reads in the end, at this path of the fintech."""
    installed("Chromium", chromium.executable())
    with lab.one_play(), penny(lab, response_mode="form_post") as site:
        browser = lab.chromium()
        browser.open(site.origin)
        browser.submit({})
        browser.submit({"username": "alice", "password": "wonderland"})
        browser.submit({}, "[value=approve]")
        browser.reaches(f"{site.origin}{ends_at}")
        return browser.text


def test_a_login_by_form_post_completes(lab: Lab) -> None:
    assert _alice_signs_in(lab, ends_at="/") == "Welcome, alice"


def test_it_would_be_lost_with_a_cookie_that_browsers_leave_out(lab: Lab) -> None:
    with taken_away("rpkit.web.browser_logins._same_site", lambda *_: "Lax"):
        assert "belongs to another browser" in _alice_signs_in(lab, ends_at="/callback")
