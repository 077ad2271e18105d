UPDATE submitted_runs SET recipient_count = %(recipients)s WHERE run_id = %(run_id)s
