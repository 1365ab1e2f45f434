"""Forms, one file per noun."""
