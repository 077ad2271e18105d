DELETE FROM audit WHERE at < now() - make_interval(days => %(days)s)
