"""A whole ecosystem on one computer: a bank, its two APIs and a fintech, with TLS on loopback, under a FAPI profile.

`python -m examples.demo` starts it and executes one payment in it. The four parties are ordinary applications, each
in a process of its own: `accounts_api` (Starlette, JWT checked locally), `payments_api` (Flask, introspects),
`fintech` (Starlette with rpkit), and the bank's authorization server (`python -m askit`, set up by `bank`).
`walks` has the customer, with a browser, a television or a phone; `attackers` the attackers; `trace` what all see.
"""
