"""What all services share: its pure parts."""
