"""OCPP 2.1: its words, its messages, its orders."""
