"""The one SQLite file: schema, connection, and the only SQL of the program."""
