"""What a cache tells people about itself."""
