"""Endpoints: what a station has: device model, settings, monitors, display, firmware, files."""
