"""Celery tasks: ids in, one operation, out."""
