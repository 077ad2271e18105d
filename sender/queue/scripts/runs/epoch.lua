#!lua flags=allow-oom
-- uses: base
-- ARGV: a random epoch. Returns the queue's epoch, made now when there was none.
redis.call('SETNX', P .. 'epoch', ARGV[1])
return redis.call('GET', P .. 'epoch')
