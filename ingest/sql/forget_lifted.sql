-- Entries that were lifted are kept for as long as a row that is older than that may still come in.
DELETE FROM suppressions WHERE lifted_at < now() - make_interval(days => %(keep_days)s + 1) AND lifted_at >= since
