SELECT runs FROM scheduled_beyond
