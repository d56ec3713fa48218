"""Hit ratios: the memory store against plain reference policies on the same requests."""
