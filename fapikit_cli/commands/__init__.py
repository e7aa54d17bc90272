"""The commands. The name of a file is the name of its command.

Role: RP, RS, AS
"""
