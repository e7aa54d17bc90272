"""For the tests of an authorization server, askit or any other: sends the published attacks to it over HTTP.

    def sign_in(browser, url):  # your test user signs in and agrees; the answer is the URL for the client
        return visit(browser, walk(url, issuer=ISSUER, username="alice", password="wonderland", decision="approve"))

    party = Party("test-client", key, "https://client.example.test/callback")
    assert find_holes(ISSUER, party, sign_in, http=httpx.Client(verify=context)) == []

Each attack is an honest request with one change. The server must follow FAPI 2.0: pushed requests, PKCE,
`private_key_jwt` and tokens bound by DPoP. The report is that of `rskit.attacks`.

Spec: FAPI2-SP 5.3.2; FAPI2-MS 5.3.1; RFC 9126 2; RFC 9449 4.3; RFC 9207 2; RFC 9700 2.1, 4.12, 4.16 (AS, attacks)
Role: AS
"""

from askit.attacks.attack import Attack
from askit.attacks.party import Party
from askit.attacks.scan import attacks, find_holes
from fapikit.scan_report import Finding, NotLookedAt, Outcome, ScanReport

__all__ = ["Attack", "Finding", "NotLookedAt", "Outcome", "Party", "ScanReport", "attacks", "find_holes"]
