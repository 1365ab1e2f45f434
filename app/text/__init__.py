"""Words and numbers as people read them: sessions, prices, bills, messages, orders."""
