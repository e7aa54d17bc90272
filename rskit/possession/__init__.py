"""Whose token it is: where it stands in the request, and the proof or certificate that must come with it."""
