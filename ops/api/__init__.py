"""`newar api`: health, figures, metrics and the dashboard. It reads; it is never on the send path."""
