"""Views on SQLAlchemy Core: rows derived from events, disposable, each with its position."""
