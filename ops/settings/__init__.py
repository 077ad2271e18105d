"""The settings of all services at their entry point: loaded, checked, and names that mean nothing."""
