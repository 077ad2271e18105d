"""A message's way back: settled in the queue, its event in the outbox, relayed to the topic."""
