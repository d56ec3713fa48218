"""A real application: django-oscar's pages over PostgreSQL, with what they read recorded and not."""
