COPY deny_stage (page_id, recipient_id, note) FROM STDIN
