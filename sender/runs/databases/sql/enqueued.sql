UPDATE runs SET state = 'active', recipients = seen.recipients, enqueued_at = now()
FROM unnest(%(run_ids)s::text[], %(recipients)s::bigint[]) AS seen (run_id, recipients)
WHERE runs.run_id = seen.run_id AND runs.state = 'enqueuing' AND runs.queue_epoch = %(queue_epoch)s
