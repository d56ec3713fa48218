"""Values put by hand."""
