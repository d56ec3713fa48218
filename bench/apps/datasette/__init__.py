"""datasette over an SQLite file that another program writes, with a cache by one plugin file."""
