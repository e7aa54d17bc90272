"""What a web application needs in any framework: sign-in, sign-in that others begin, sign-out from either side."""
