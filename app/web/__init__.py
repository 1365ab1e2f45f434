"""What all pages share: lists, live events, security, scope, problems, static files."""
