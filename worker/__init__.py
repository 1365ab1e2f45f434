"""The process that holds the chargers' sockets: `python -m worker`."""
