-- No row is newer: the ingest refuses those more than a day ahead. Partitions are made for many days more.
SELECT now() + interval '1 day' AS until
