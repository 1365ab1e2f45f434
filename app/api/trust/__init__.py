"""Endpoints: certificates, those who sign them, and contracts."""
