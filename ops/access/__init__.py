"""Who may do what: callers, their roles and the pages that they may see."""
