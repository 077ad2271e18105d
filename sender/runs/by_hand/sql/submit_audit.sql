INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'run submit', %(run_id)s, %(detail)s)
