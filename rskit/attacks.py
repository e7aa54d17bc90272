"""For the tests of your API: sends the published attacks on tokens and proofs to your own application.

    mint = Mint()
    app.wsgi_app = Protect(app.wsgi_app, mint.resource_server("https://api.example", profile="fapi2-security"))

    assert find_holes(WsgiSender(app), mint, "GET", "https://api.example/accounts", scope="accounts") == []

Each attack is the honest request with one change. The result names what was accepted, and what could not be tested.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""

from fapikit.scan_report import Finding, NotLookedAt, ScanReport
from rskit.testing.attacks.answer import Answer, Headers
from rskit.testing.attacks.attack import Attack
from rskit.testing.attacks.drivers import afind_holes, attacks, find_holes
from rskit.testing.attacks.reach import KeyServer, Reach, Send
from rskit.testing.attacks.senders import AsgiSender, WsgiSender

__all__ = [
    "Answer",
    "AsgiSender",
    "Attack",
    "Finding",
    "Headers",
    "KeyServer",
    "NotLookedAt",
    "Reach",
    "ScanReport",
    "Send",
    "WsgiSender",
    "afind_holes",
    "attacks",
    "find_holes",
]
