"""Endpoints: who may charge: tags, groups, drivers, local lists and reservations."""
