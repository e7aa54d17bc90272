"""Examines a server for a profile: each thing that is looked at is one row, with a verdict, a clause, and what to do.

`examination` runs all and makes the report; each other file makes the rows of one subject.

Role: C
"""
