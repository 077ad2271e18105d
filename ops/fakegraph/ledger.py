"""The ground truth: every message that was accepted, whatever was answered. In memory."""

import time
from collections import defaultdict
from collections.abc import Iterator
from uuid import uuid4

import msgspec

SLICE = 2000
MAX_EXAMPLES = 10


class Accepted(msgspec.Struct, gc=False):
    """One accepted message; `message_id` is the one that a whole answer would have carried."""

    page_id: str
    recipient_id: str
    metadata: str
    message_id: str
    answer: str
    accepted_at_ms: int

    @property
    def job(self) -> str:
        """What two attempts at one job share: the metadata up to its first `;a=`."""
        return self.metadata.partition(";a=")[0]


class Summary(msgspec.Struct):
    """Counts over the ledger; `duplicates` are acceptances of a (page, job) beyond its first."""

    accepted: int
    requests: int
    distinct_recipients: int
    distinct_recipients_by_page: dict[str, int]
    duplicates: int
    duplicate_examples: list[Accepted]


class Tally:
    """Counts the ledger, slice by slice; kept out of the way of requests because it needs far more memory."""

    def __init__(self) -> None:
        self._accepted = 0
        self._recipients: defaultdict[str, set[str]] = defaultdict(set)
        self._jobs: set[tuple[str, str]] = set()
        self._duplicates = 0
        self._examples: list[Accepted] = []

    def add(self, messages: list[Accepted]) -> None:
        """Count some more messages."""
        self._accepted += len(messages)
        for message in messages:
            self._recipients[message.page_id].add(message.recipient_id)
            key = (message.page_id, message.job)
            if message.job and key in self._jobs:
                self._duplicates += 1
                self._examples += [message] if len(self._examples) < MAX_EXAMPLES else []
            self._jobs.add(key)

    def summary(self, requests: int) -> Summary:
        """What was counted so far, beside the number of requests."""
        by_page = {page: len(people) for page, people in self._recipients.items()}
        distinct = sum(by_page.values())
        return Summary(self._accepted, requests, distinct, by_page, self._duplicates, self._examples)


class _Entry(msgspec.Struct, array_like=True, gc=False):
    page_id: str
    recipient_id: str
    metadata: str
    number: int
    answer: str
    accepted_at_ms: int


class Ledger:
    """An append-only list of encoded entries: about 200 bytes each, so millions fit."""

    def __init__(self) -> None:
        # Two servers must never hand out the same id, nor one before and after a reset. As long as real ones.
        self._id_prefix = f"m_FAKE{uuid4().hex}{uuid4().hex}"
        self._number = 0
        self._entries: list[bytes] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Entry).decode

    def __len__(self) -> int:
        return len(self._entries)

    def accept(self, page_id: str, recipient_id: str, metadata: str, answer: str) -> str:
        """Record one message; returns its new message id."""
        number = self._number = self._number + 1
        at_ms = int(time.time() * 1000)
        self._entries.append(self._encode((page_id, recipient_id, metadata, number, answer, at_ms)))
        return f"{self._id_prefix}{number:020d}"

    def reset(self) -> None:
        """Forget every message."""
        self._entries = []

    def slices(self) -> Iterator[list[Accepted]]:
        """What there is now, in order, in slices, so that a caller may let others work between them."""
        entries, end = self._entries, len(self._entries)
        for start in range(0, end, SLICE):
            yield [self._accepted(entry) for entry in entries[start : min(start + SLICE, end)]]

    def _accepted(self, encoded: bytes) -> Accepted:
        entry = self._decode(encoded)
        return Accepted(
            entry.page_id,
            entry.recipient_id,
            entry.metadata,
            f"{self._id_prefix}{entry.number:020d}",
            entry.answer,
            entry.accepted_at_ms,
        )
