"""Commands: stations, their sites and tenants, plugs and credentials, and who is connected."""
