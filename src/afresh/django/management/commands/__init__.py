"""One command: `afresh`."""
