"""The grants: one file for each."""
