"""The grants of the token endpoint, one file each, with their wire names. `by_type` lists them."""
