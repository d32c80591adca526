"""The paper exchange: a small Vincent over real HTTP, with its own state and faults on demand."""
