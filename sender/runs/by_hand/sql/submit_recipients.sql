COPY submitted_recipients (run_id, recipient_id, variables, last_interaction_at, time_zone) FROM STDIN
