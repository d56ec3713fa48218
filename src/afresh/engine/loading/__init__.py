"""One call for one key: what is stored, else another's load, else one of our own."""
