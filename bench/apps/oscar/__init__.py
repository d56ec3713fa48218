"""django-oscar, unmodified: uncached, with two other packages, and with afresh."""
