"""Certificates, those who sign them, and contracts."""
