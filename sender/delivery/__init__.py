"""A message's way out: claimed, filled in, sent, its answer judged."""
