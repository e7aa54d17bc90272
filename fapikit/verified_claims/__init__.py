"""Verified claims: how they are requested, and which part of a set of them a request asks for.

`requested` reads a request, `selection` applies it. A server selects from what it knows of a user, a client from what
an answer has.

Spec: IDA 5.2, 5.3
Role: C, AS
"""
