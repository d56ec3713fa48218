"""A RealWorld API: FastAPI, SQLAlchemy's asyncio and PostgreSQL."""
