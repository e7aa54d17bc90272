"""What clients lodge before they ask a user: its life (`life`), and the request that names it (`named`)."""
