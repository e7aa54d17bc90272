"""One consent, one payment: what is compared (`details_type`), and how a consent is used up once (`ledger`, `attempt`).

`marks` defines what the store keeps, `idempotency_key` recognises a retry, `use` is the one call for route handlers.
"""
