"""Forms: certificates, those who sign them, and contracts."""
