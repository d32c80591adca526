"""The use cases that the command line and the HTTP bridge share."""
