"""The cockpit: its words, its writing, its pages."""
