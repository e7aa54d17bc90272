"""What a verified token may do: the check of details, long answers, and what a route learns of its request."""
