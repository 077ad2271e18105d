"""Messages, good and bad, and what is told of them."""
