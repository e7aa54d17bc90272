"""The command `fapikit`: keys, JWTs, metadata, logins and calls from a terminal.

Role: RP, RS, AS
"""
