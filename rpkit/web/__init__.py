"""What a web application needs in any framework: sign-in, sign-out, and pages for the case that a bank cannot help."""
