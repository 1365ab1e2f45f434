"""Selects: certificates, those who sign them, and contracts."""
