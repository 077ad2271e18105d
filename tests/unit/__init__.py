"""Pure parts, without servers."""
