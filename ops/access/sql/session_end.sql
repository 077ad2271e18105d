WITH ended AS (DELETE FROM sessions WHERE id_hash = %(hash)s RETURNING user_name)
INSERT INTO audit (who, what, target) SELECT %(who)s, 'sign-out', user_name FROM ended RETURNING target
