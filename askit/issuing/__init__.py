"""What leaves the server: tokens, ID tokens, authorization responses, and the keys that sign them."""
