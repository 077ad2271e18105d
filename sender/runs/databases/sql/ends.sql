-- What is being drained ends so, also if its queue is lost before it is done.
UPDATE runs SET ended_as = seen.ended_as
FROM unnest(%(run_ids)s::text[], %(ends)s::text[]) AS seen (run_id, ended_as)
WHERE runs.run_id = seen.run_id AND runs.queue_epoch = %(queue_epoch)s
