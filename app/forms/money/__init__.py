"""Forms: what a session costs: tariffs, bills with their evidence, reviews and receipts."""
