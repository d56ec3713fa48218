"""The machine's ledger: one mapped file that all its processes read without a lock."""
