"""Intents that are lodged at the bank's API before its user is asked: for banks that have no RAR.

    own = fintech.client_credentials(scope="accounts", resource=API)
    wanted = BerlinGroupConsent(access={"balances": [{"iban": IBAN}]}, valid_until=DAY)
    intent = fintech.lodge(wanted, url=f"{fintech.issuer}/v1/consents", tokens=own, resource=API)
    start = fintech.begin(resources=[API], **intent.asked(scope="openid accounts"))
    another.begin(**intent.asked())  # PeerRefused: no such intent was lodged here, or another client lodged it

The bank needs a type of authorization details with `lodged = { shape = "berlin-group-consent", scope = "accounts" }`. A
UK intent (`UkAccountAccess`) also needs clients with `signed_requests=True`.

`bodies`: what is lodged, typed. `lodging`: lodge, read, end. `named`: the request and its ID token.
"""
