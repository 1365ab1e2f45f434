"""The flask command: one group per noun, the same operations as the views."""
