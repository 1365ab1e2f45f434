"""Mails on their way out: composed, taken from their rows, handed to a server."""
