INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'run test', %(run_id)s, %(detail)s)
RETURNING id
