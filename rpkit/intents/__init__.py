"""Intents that are lodged at the bank's API before its user is asked: for banks that have no RAR.

`bodies`: what is lodged, typed. `lodging`: lodge, read, end. `named`: the request and
its ID token.
"""
