"""The text of a statement, before anybody parses it: tokens, holes, shape."""
