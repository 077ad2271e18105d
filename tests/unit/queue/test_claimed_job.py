"""What a claimed job knows from its record."""

from __future__ import annotations

from schema.job import Job, encode_record, job_id
from sender.queue.claimed_job import ClaimedJob

ID = job_id("r", "7")


def _claimed(record: bytes) -> ClaimedJob:
    return ClaimedJob.of_record(record, run_id="r", page_id="100", session="s", claimed_at=3.0)


def test_a_claimed_job_gets_the_number_behind_its_last_mark() -> None:
    job = _claimed(encode_record(ID, Job("7", {"a": "b"}, 5, attempts=2, retries=1)))
    assert (job.id, job.content.recipient_id, job.attempt, job.corrupt) == (ID, "7", 3, None)
    assert (job.run_id, job.page_id, job.session, job.claimed_at) == ("r", "100", "s", 3.0)
    assert (job.mark_asked, job.sent_at_us, job.done) == (False, 0, False)


def test_a_corrupt_record_is_a_job_of_which_only_the_id_is_known() -> None:
    job = _claimed(ID + b"\xc1")
    assert (job.id, job.content, job.attempt) == (ID, Job(recipient_id=""), 1)
    assert job.corrupt is not None
    assert "cannot be decoded" in job.corrupt
