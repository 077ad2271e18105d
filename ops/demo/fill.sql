-- The demo's source: %(pages)s pages with a broadcast each, %(messages)s recipients in all.
-- One in 200 has no last interaction within a day, so that some end as `suppressed`.
INSERT INTO pages (id, name, access_token, time_zone)
SELECT (100000 + p)::text, 'Page ' || p, 'EAADemoToken' || p, 'UTC' FROM generate_series(1, %(pages)s) p;

INSERT INTO subscribers (page_id, psid, first_name, last_interaction_at)
SELECT
    (100001 + n %% %(pages)s)::text,
    (7000000000000000 + n)::text,
    'Person ' || n,
    now() - CASE WHEN n %% 200 = 0 THEN interval '2 days' ELSE interval '1 hour' END
FROM generate_series(0, %(messages)s - 1) n;

INSERT INTO broadcasts (page_id, message, status)
SELECT id, '{"text": "Hi {{first_name|there}}, the sale ends tonight."}', 'queued' FROM pages;

INSERT INTO broadcast_recipients (broadcast_id, page_id, psid)
SELECT b.id, s.page_id, s.psid FROM broadcasts b JOIN subscribers s USING (page_id);
