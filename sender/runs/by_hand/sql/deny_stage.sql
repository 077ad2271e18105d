CREATE TEMP TABLE deny_stage (page_id text COLLATE "C", recipient_id text COLLATE "C", note text) ON COMMIT DROP
