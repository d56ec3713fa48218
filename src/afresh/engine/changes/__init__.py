"""What changed, announced: by name, in a block, at the end of a transaction."""
