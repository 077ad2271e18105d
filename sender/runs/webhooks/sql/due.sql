-- Returns what is to be sent now, of each run the oldest alone, for whoever asks: nobody else gets it before its next try.
UPDATE run_webhooks SET tries = tries + 1,
    next_try_at = now() + make_interval(secs => least(%(longest_s)s, %(first_s)s * 2 ^ least(tries, 20)))
WHERE number IN (
    SELECT number FROM run_webhooks AS this
    WHERE given_up_at IS NULL AND next_try_at <= now() AND NOT EXISTS (
        SELECT FROM run_webhooks AS older
        WHERE older.run_id = this.run_id AND older.number < this.number AND older.given_up_at IS NULL)
    ORDER BY next_try_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
RETURNING number, id::text, run_id, page_id, event, status, recipients, outcomes, at, tries
