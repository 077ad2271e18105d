DELETE FROM submitted_recipients person USING submitted_runs run
WHERE person.run_id = run.run_id AND person.recipient_id COLLATE "C" = %(recipient_id)s
    AND %(page_id)s IN ('', run.page_id)
