"""Requests that the user decides on another device: what device authorization and CIBA have in common.

`polling` asks for the tokens until there is a decision.
"""
