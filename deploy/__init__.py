"""Starts Ampdesk on one computer: install, check, migrate, supervise, demonstrate."""
