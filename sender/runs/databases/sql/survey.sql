-- The rows of a run: all; those that name nobody (no row of the log could hold a longer id); and ids with more digits
-- than the 15 that a spreadsheet keeps, those with only zeros behind them, how many digits that are, and from where to
-- where these ids reach.
SELECT count(*),
    count(*) FILTER (WHERE id IS NULL OR id = '' OR length(id) > 500),
    count(*) FILTER (WHERE length(id) BETWEEN 16 AND 500),
    count(*) FILTER (WHERE length(id) BETWEEN 16 AND 500 AND length(rtrim(id, '0')) <= 15),
    coalesce(sum(length(id) - 15) FILTER (WHERE length(id) BETWEEN 16 AND 500), 0)::bigint,
    coalesce(min(id::numeric) FILTER (WHERE id ~ '^[0-9]{{16,30}}$'), 0),
    coalesce(max(id::numeric) FILTER (WHERE id ~ '^[0-9]{{16,30}}$'), 0)
FROM (SELECT recipient_id::text AS id FROM {recipients} WHERE run_id = %(run_id)s) ids
