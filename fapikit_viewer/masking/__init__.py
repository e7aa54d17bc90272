"""Hides what a holder could use, before anything is written: `message` for one message, `values` for each value in it.

Shown is what `words/` knows and does not call a secret. A form field, query parameter or header that it does not know
is masked. In a JSON body an unknown member is masked if its name or its value looks like a secret: the data of an API
are to be read. A JWT keeps its header and its claims, without its signature.

Spec: RFC 6749 10.10; FAPI1-BL 7.4
Role: RP, RS, AS
"""
