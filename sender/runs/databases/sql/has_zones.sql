SELECT EXISTS (SELECT FROM {recipients} WHERE run_id = %(run_id)s AND time_zone::text <> '')
