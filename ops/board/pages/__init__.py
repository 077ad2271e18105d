"""Pages as people look at them: names, speeds, what waits, and why."""
