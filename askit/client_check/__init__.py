"""Who is calling? One file per client authentication method; `authenticate` chooses the one that is registered."""
