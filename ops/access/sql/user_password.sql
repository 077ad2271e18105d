SELECT password FROM users WHERE name = %(name)s AND NOT disabled
