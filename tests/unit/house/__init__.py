"""The house itself: its rooms, their names and their sizes."""
