"""A message's way out: its pure parts."""
