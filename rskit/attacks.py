"""For an API team's own tests: the published attacks on tokens and proofs, sent at its own application.

    mint = Mint()
    app.wsgi_app = Protect(app.wsgi_app, mint.resource_server("https://api.example", profile="fapi2-security"))

    def send(method, url, headers):
        return app.test_client().open(url, method=method, headers=headers).status_code

    assert find_holes(send, mint, "GET", "https://api.example/accounts", scope="accounts") == []

Each attack is the honest request with one thing changed; what is let in is named.

Spec: FAPI2-SP 5.3.4; RFC 8725 3; RFC 9449 4.3; RFC 6750 2 (RS, published attacks)
Role: RS
"""

from rskit.testing.attacks import Attack, Headers, Send, attacks, find_holes

__all__ = ["Attack", "Headers", "Send", "attacks", "find_holes"]
