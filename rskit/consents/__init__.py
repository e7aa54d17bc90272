"""One consent, one payment: what is compared (`details_type`), and how a consent is used up once (`ledger`, `attempt`).

`marks` is what the store keeps, `idempotency_key` how a retry is known, `use` the one call that the middlewares offer.
"""
