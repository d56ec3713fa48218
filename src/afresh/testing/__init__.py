"""The test kit: an interleaving explorer, a fake clock, faults, event capture, contracts for backends."""
