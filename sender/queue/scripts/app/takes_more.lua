-- ARGV: nothing. Does nothing; but as it might write, and says nothing of memory, Redis refuses it at its maxmemory: as it
-- then refuses to enqueue and to claim.
return 1
