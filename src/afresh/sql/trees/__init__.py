"""What a parsed statement reads and writes."""
