"""What bodies, documents, import rows and arguments look like: bounds, units, examples, once."""
