"""Read-only selects for pages and the API; they return rows or small dataclasses."""
