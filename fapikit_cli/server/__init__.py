"""What can be seen of a server from outside: its metadata, its TLS, its keys, its clock, a client's registration.

Role: C, RS
"""
