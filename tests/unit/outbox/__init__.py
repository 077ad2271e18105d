"""A message's way back: its pure parts."""
