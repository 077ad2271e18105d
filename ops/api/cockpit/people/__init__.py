"""One person and one job as people look at them."""
