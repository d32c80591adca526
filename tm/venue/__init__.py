"""The outside where orders go: Vincent, Polymarket's public order books, the paper exchange."""
