"""Selects: staff and how they sign in, audit, mails, the message log, and housekeeping."""
