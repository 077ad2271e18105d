-- No row is newer: the ingest refuses those of days after tomorrow (UTC). Partitions are made for many days more.
SELECT date_trunc('day', now(), 'UTC') + interval '2 days' AS until
