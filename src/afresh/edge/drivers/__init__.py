"""How each kind of edge is told to drop something, in a module each."""
