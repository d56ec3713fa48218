"""A shop on Flask and Flask-SQLAlchemy, without a cache, with Flask-Caching, and with afresh."""
