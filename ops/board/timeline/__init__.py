"""What held a run, and what people did to it, from its being taken to its end."""
