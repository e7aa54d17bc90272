"""Signatures of the messages between a client and an API that open banking schemes had before RFC 9421.

`detached_jws`: the `x-jws-signature` of UK Open Banking. `jwt_body`: the `application/jwt` bodies of Brazil.
"""
