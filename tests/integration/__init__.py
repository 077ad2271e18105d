"""On real local servers."""
