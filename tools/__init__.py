"""What builds and checks the generated documents; nothing here ships."""
