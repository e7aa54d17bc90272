"""The client's own registration at a server, its management, and the client's keys and redirect URIs."""
