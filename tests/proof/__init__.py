"""The proof: every crash point, a seeded simulation, a bank of planted bugs, four writers at once."""
