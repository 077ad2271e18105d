"""The sender's pure parts."""
