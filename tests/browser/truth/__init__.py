"""What the cockpit shows, against what is so."""
