"""What all services share, on real servers."""
