"""Changes of the schema, by Alembic."""
