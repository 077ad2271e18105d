"""The run processor: reads runs from the source and puts their jobs into the queue."""
