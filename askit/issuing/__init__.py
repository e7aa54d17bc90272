"""What the server issues: tokens, ID tokens, authorization responses; and the keys that sign them."""
