INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'log replay', %(target)s, %(detail)s)
