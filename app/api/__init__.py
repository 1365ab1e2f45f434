"""The REST API: one file per noun, the same operations as the views."""
