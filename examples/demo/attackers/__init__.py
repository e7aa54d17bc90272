"""Those who try what must not work: one file for each thing that an attacker may hold. Who comes: `invited`."""
