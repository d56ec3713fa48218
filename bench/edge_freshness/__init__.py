"""From a write to every cache that stands in front."""
