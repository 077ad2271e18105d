SELECT count(*) FROM (SELECT FROM {view} LIMIT %(most)s) sample
