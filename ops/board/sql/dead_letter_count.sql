-- By the index of their arrival: the messages themselves, which may be long, are not read.
SELECT count(*) AS letters
FROM (SELECT received_at FROM message_log_dead_letters ORDER BY received_at LIMIT %(most)s) oldest
