"""What a web application needs in any framework: sign-in, sign-out, and what a user is told when no bank answers."""
