"""The application by itself, as its libraries' tutorials would write it: nothing here knows of a cache."""
