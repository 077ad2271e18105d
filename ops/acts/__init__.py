"""What people do, one function an act, for commands and API alike; each leaves its entry in the audit trail."""
