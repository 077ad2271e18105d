"""`newar api`: health, figures, metrics, the API and the cockpit. It is never on the send path."""
