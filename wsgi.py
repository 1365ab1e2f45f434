"""The entry point for gunicorn (`wsgi:app`), Celery (`wsgi:celery`) and `flask`."""

import gc

# What is loaded here stays: looking for garbage in it meanwhile takes a quarter of the start.
gc.disable()

from app import create_app  # noqa: E402

app = create_app()
celery = app.extensions["celery"]

gc.freeze()
gc.enable()
