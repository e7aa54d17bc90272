"""What goes back: challenges, resource metadata, the interaction id, and the line in the log."""
