"""The bank of `fapikit askit`: a folder of keys and settings, an authorization server, and an API beside it.

Role: AS, RS
"""
