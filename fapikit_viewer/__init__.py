"""Shows a flow: the messages between browser, client, authorization server and APIs, recorded and explained.

Role: RP, RS, AS
"""
