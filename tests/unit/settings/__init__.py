"""Settings at the entry point."""
