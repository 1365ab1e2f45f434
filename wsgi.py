"""The entry point for gunicorn (`wsgi:app`), Celery (`wsgi:celery`) and `flask`."""

from app import create_app

app = create_app()
celery = app.extensions["celery"]
