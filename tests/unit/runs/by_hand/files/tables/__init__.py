"""Files of people as people have them."""
