"""A job (one message of one run to one recipient), its record in the queue, and the ids derived from it.

A record is 16 bytes of job id followed by a MessagePack array. The fixed prefix lets the queue's scripts
cut the id off without decoding, and gives even a record that cannot be decoded an identity.

The array's first five elements are those of the first release. Behind them stand what only later ones read: the person
(eight bytes, so that a script finds them as the end of an array of six) and, for few, a time zone, and that they stand
aside.
"""

from __future__ import annotations

from hashlib import blake2b, sha1
from typing import Any
from uuid import UUID

import msgspec

JOB_ID_BYTES = 16


class Aside(msgspec.Struct, array_like=True, frozen=True):
    """Why a job will surely not be sent, as far as was known when it was put into the queue."""

    outcome: str
    error_class: str
    reason: str


class Job(msgspec.Struct, array_like=True, frozen=True):
    """What a queued job carries; the message itself is stored once, with the run."""

    recipient_id: str
    variables: dict[str, Any] | None = None
    last_interaction_ms: int | None = None
    """When the recipient last acted, in ms since 1970 (UTC); None when the source does not know."""
    attempts: int = 0
    """Marks so far: the number of the last attempt."""
    retries: int = 0
    """Attempts that count against the retry budget; waiting for a page's limit does not."""
    person: bytes = b""
    """`person_hash` of the recipient; written into every record, whatever stands here."""
    time_zone: str | None = None
    """The recipient's own, where the run has a send window and the source knows it."""
    aside: Aside | None = None
    """Such a job stands aside of the others: it is drained, and uses up nothing of the page's limit."""


class CorruptRecord(Exception):
    """A job's record cannot be decoded. `record` keeps its bytes."""

    def __init__(self, record: bytes, reason: str) -> None:
        super().__init__(f"a queued job cannot be decoded: {reason}")
        self.record = record


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Job)


def job_id(run_id: str, recipient_id: str) -> bytes:
    """Return the 16 bytes that name the job of this run for this recipient."""
    return blake2b(f"{run_id}\0{recipient_id}".encode(), digest_size=JOB_ID_BYTES).digest()


def person_hash(recipient_id: str) -> bytes:
    """Return the eight bytes by which a page's queue knows a person over all runs.

    The first ones of SHA-1, since Redis's scripts can make the same (`redis.sha1hex`) for records of the first release.
    """
    return sha1(recipient_id.encode(errors="surrogatepass"), usedforsecurity=False).digest()[:8]


def event_id(job: bytes, attempt: int) -> UUID:
    """Return the identity of the log event of this attempt: the same for every repetition."""
    digest = blake2b(job + attempt.to_bytes(4, "big"), digest_size=16).digest()
    return UUID(bytes=digest, version=5)


def encode_record(job: bytes, content: Job) -> bytes:
    """Return the bytes that stand in the queue for this job."""
    fields: list[Any] = [content.recipient_id, content.variables, content.last_interaction_ms]
    fields += (content.attempts, content.retries, person_hash(content.recipient_id))
    if content.aside is not None:
        fields += (content.time_zone, content.aside)
    elif content.time_zone is not None:
        fields.append(content.time_zone)
    return job + _encoder.encode(fields)


def decode_record(record: bytes) -> tuple[bytes, Job]:
    """Return the job id and content of a record.

    Raises:
        CorruptRecord: when the bytes are not a record.
    """
    try:
        if len(record) <= JOB_ID_BYTES:
            raise CorruptRecord(record, "too short")
        return record[:JOB_ID_BYTES], _decoder.decode(record[JOB_ID_BYTES:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise CorruptRecord(record, str(exc)) from exc
