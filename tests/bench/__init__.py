"""What things cost, as ratios and counts of one run: `python -m tests.bench`. See README.md beside this."""
