INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'run retry', %(run_id)s, %(detail)s)
