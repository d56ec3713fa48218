"""What is known of a database: its tables, how its columns compare, what its writes reach."""
