"""The desk: one blueprint per menu noun, found by the factory."""
