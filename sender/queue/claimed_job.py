"""A job that this process holds: from its claim, or from the sender that it was taken over from, to its settlement."""

from __future__ import annotations

import msgspec

from schema.job import JOB_ID_BYTES, CorruptRecord, Job, decode_record


class ClaimedJob(msgspec.Struct, kw_only=True):
    """One job on its way. One task at a time has it, and notes here how far it has come."""

    id: bytes
    content: Job
    """As it was claimed, that is without this attempt."""
    run_id: str
    page_id: str
    session: str
    """Under which it is held."""
    attempt: int
    """The number of the mark that it gets, or has."""
    claimed_at: float = 0.0
    """On Trio's clock."""
    closes_ms: int = 0
    """When (ms since 1970) the hours close in which it may leave; 0: never."""
    corrupt: str | None = None
    """Why its record cannot be decoded: then only the id is known."""
    mark_asked: bool = False
    """Whether it may be marked: its number is used up, even if nothing leaves."""
    sent_at_us: int = 0
    """Redis's time of its mark; 0 while there is none."""
    done: bool = False
    """Whether nothing is left to do with it here: settled, given back, or found to be somebody else's."""

    @classmethod
    def of_record(
        cls,
        record: bytes,
        *,
        run_id: str,
        page_id: str,
        session: str,
        claimed_at: float = 0.0,
        closes_ms: int = 0,
    ) -> ClaimedJob:
        """Decode a record of the queue; what cannot be decoded is a job too, and has to be settled."""
        corrupt = None
        try:
            job_id, content = decode_record(record)
        except CorruptRecord as exc:
            job_id, content, corrupt = record[:JOB_ID_BYTES], Job(recipient_id=""), str(exc)
        return cls(
            id=job_id,
            content=content,
            run_id=run_id,
            page_id=page_id,
            session=session,
            attempt=content.attempts + 1,
            claimed_at=claimed_at,
            closes_ms=closes_ms,
            corrupt=corrupt,
        )
