"""What a verified token may do: comparison of details, streams, and the state that a route sees of its request."""
