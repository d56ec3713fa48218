"""A hit: the short way to it, and what is done for it though the application isn't asked."""
