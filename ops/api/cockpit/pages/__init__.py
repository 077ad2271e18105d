"""Pages of Facebook as people look at them: the list, one of them, and what is done to them."""
