"""The meta protocol and its connections, in both worlds."""
