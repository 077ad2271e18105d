SELECT {run} WHERE EXISTS (SELECT FROM {recipients} WHERE run_id = {run} AND recipient_id::text COLLATE "C" = %(recipient_id)s)
