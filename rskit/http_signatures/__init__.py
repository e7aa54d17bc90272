"""Signed requests and answers of an API (RFC 9421), as FAPI 2.0 HTTP Signatures profiles them.

`settings`: what an operator decides. `checks`: one request, one answer. The middlewares read the octets for them. What
they share with the older schemes (clients, budgets, setting) is in `rskit/signed_messages/`.
"""
