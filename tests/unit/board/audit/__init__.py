"""The audit trail, as it is asked for."""
