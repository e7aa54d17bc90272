"""What clients lodge before they ask a user: its schemas (`schemas`), its life (`life`), and who names it (`named`)."""
