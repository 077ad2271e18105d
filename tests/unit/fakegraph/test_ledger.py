"""The ledger and its counts."""

from ops.fakegraph.ledger import SLICE, Ledger, Summary, Tally


def ledger_of(*entries: tuple[str, str, str]) -> Ledger:
    ledger = Ledger()
    for page_id, recipient_id, metadata in entries:
        ledger.accept(page_id, recipient_id, metadata, "send_ok")
    return ledger


def summary_of(ledger: Ledger) -> Summary:
    tally = Tally()
    for messages in ledger.slices():
        tally.add(messages)
    return tally.summary(requests=len(ledger))


def test_a_second_attempt_at_the_same_job_is_a_duplicate() -> None:
    summary = summary_of(ledger_of(("1", "7", "j=a;a=1"), ("1", "7", "j=a;a=2"), ("1", "8", "j=b;a=1")))
    assert (summary.accepted, summary.duplicates) == (3, 1)
    assert [message.metadata for message in summary.duplicate_examples] == ["j=a;a=2"]


def test_another_page_or_no_metadata_is_no_duplicate() -> None:
    summary = summary_of(ledger_of(("1", "7", "j=a;a=1"), ("2", "7", "j=a;a=1"), ("1", "7", ""), ("1", "7", "")))
    assert summary.duplicates == 0


def test_recipients_are_counted_once_per_page() -> None:
    summary = summary_of(ledger_of(("1", "7", ""), ("1", "7", ""), ("1", "8", ""), ("2", "7", "")))
    assert summary.distinct_recipients_by_page == {"1": 2, "2": 1}
    assert summary.distinct_recipients == 3


def test_slices_hold_every_message_once_and_in_order() -> None:
    ledger = ledger_of(*[("1", str(number), "") for number in range(2 * SLICE + 1)])
    recipients = [message.recipient_id for messages in ledger.slices() for message in messages]
    assert recipients == [str(number) for number in range(2 * SLICE + 1)]


def test_message_ids_are_never_reused() -> None:
    ledgers = [ledger_of(("1", "7", "")) for _ in range(2)]
    ids = [ledger.accept("1", "7", "", "send_ok") for ledger in ledgers]
    ledgers[0].reset()
    ids.append(ledgers[0].accept("1", "7", "", "send_ok"))
    assert len(set(ids)) == 3
    assert len(ledgers[0]) == 1
