"""The machine's store: a SQLite file that all its processes read, and write in batches."""
