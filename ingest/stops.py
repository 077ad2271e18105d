"""What makes an ingest stop for good: a person must decide before another one goes on."""


class IngestStops(Exception):
    """The text says what is wrong and what to do. Nothing is lost: the events wait in the topic."""
