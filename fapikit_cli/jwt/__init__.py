"""JWTs for people: what is in one, and which rules it follows.

Role: RP, RS, AS
"""
