"""What the server answers: challenges, resource metadata, the interaction id; and the line in the log."""
