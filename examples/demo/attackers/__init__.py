"""The attackers of the demo, one file for each kind of stolen or forged data. `invited` chooses those of a run."""
