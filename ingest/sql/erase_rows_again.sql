-- The log's columns have the database's collation and these "C": without saying which counts no index of the log would.
DELETE FROM message_logs logged USING erasures
WHERE logged.recipient_id = erasures.recipient_id COLLATE "default"
    AND erasures.page_id IN ('', logged.page_id COLLATE "C")
