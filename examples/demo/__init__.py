"""A whole ecosystem on one computer: two banks, their APIs and a fintech, with TLS on loopback, under a FAPI profile.

`python -m examples.demo` starts it and executes one payment in it. The parties are ordinary applications, each
in a process of its own: `accounts_api` (Starlette, JWT checked locally), `payments_api` (Flask, introspects),
`fintech` (Starlette with rpkit), and the authorization server of each bank (`python -m askit`, set up by `bank`).
`banks` has their names, looks and accounts, `ledger` the money.
`walks` has the customer, with a browser, a television or a phone; `attackers` the attackers; `trace` what all see.
"""
