"""Forms: what a station is and has: device model, settings, monitors, display, firmware, files."""
