"""Client authentication: one file per method. `authenticate` uses the method that the client has registered."""
