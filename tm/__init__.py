"""Trade Manager guards Polymarket positions: it decides, sends once, and knows what became of it."""

__version__ = "0.1.0"
