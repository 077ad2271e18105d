#!lua flags=allow-oom
-- ARGV: nothing. Writes nothing; but as it might, a replica refuses it.
return 1
