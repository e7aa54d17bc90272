"""What people see: `pages` renders each page, `words` puts authorization details into words; templates and style."""
