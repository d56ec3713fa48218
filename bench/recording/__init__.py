"""What it costs a query to be seen, by driver."""
