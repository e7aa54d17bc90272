"""The grants of the token endpoint: one file each, named as on the wire; `by_type` lists them."""
