"""What is asked of stations: commands and their states, and the catalogue of orders."""
