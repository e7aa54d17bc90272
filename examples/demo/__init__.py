"""A whole ecosystem on one computer: a bank, its two APIs and a fintech, with TLS on loopback, under a FAPI profile.

`python -m examples.demo` starts it and executes one payment in it. The four parties are ordinary applications, each
in a process of its own: `accounts_api` (Starlette, JWT checked locally), `payments_api` (Flask, introspects),
`fintech` (Starlette with rpkit), and the bank's authorization server (`python -m askit`, set up by `bank`).
`walk` is the customer with a browser, `refusals` the attacker, `trace` what both see.
"""
