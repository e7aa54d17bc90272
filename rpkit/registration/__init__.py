"""The client itself: how it registers, how it looks after that, its keys and redirect URIs."""
