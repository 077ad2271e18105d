-- Lives as long as the connection and is emptied by every commit.
CREATE TEMP TABLE IF NOT EXISTS message_log_stage (LIKE message_logs INCLUDING DEFAULTS) ON COMMIT DELETE ROWS
