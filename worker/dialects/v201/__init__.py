"""OCPP 2.0.1: its words, its messages, its orders."""
