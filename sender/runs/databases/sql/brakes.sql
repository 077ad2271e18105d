UPDATE runs SET brake_rule = seen.brake_rule
FROM unnest(%(run_ids)s::text[], %(brake_rules)s::text[]) AS seen (run_id, brake_rule)
WHERE runs.run_id = seen.run_id AND runs.queue_epoch = %(queue_epoch)s
