"""Who did not get a run's message, why, and what sending again needs."""
