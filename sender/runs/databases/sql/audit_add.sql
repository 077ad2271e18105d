INSERT INTO audit (at, who, what, target, detail, queue_epoch, stream_id, by_person)
SELECT at, who, what, target, detail, %(queue_epoch)s, stream_id, %(by_person)s
FROM unnest(%(at)s::timestamptz[], %(who)s::text[], %(what)s::text[], %(target)s::text[], %(detail)s::text[],
    %(stream_id)s::text[]) AS entry (at, who, what, target, detail, stream_id)
ON CONFLICT (queue_epoch, stream_id) DO NOTHING
