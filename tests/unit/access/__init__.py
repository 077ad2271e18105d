"""Who may come in: its pure parts."""
