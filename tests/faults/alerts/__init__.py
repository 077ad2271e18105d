"""Every alert is made to fire, and to clear, by a real Prometheus that looks at real services."""
