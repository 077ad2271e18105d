-- Returns the runs that were not noted yet.
UPDATE runs SET state = 'finished', recipients = seen.recipients, outcomes = seen.outcomes::jsonb,
    brake_rule = seen.brake_rule, ended_as = seen.ended_as,
    enqueued_at = coalesce(enqueued_at, now()), finished_at = to_timestamp(seen.finished_at_s)
FROM unnest(%(run_ids)s::text[], %(recipients)s::bigint[], %(outcomes)s::text[], %(finished_at_s)s::float8[],
    %(brake_rules)s::text[], %(ends)s::text[])
    AS seen (run_id, recipients, outcomes, finished_at_s, brake_rule, ended_as)
WHERE runs.run_id = seen.run_id AND runs.state <> 'finished' AND runs.queue_epoch = %(queue_epoch)s
RETURNING runs.run_id
