"""Selects: charging sessions: what stations tell of transactions, meters and statuses."""
