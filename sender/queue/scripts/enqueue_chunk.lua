-- ARGV: run, cursor, next cursor, last (0/1), records ... Appends and moves the cursor in one step. 1: done, 0: not at `cursor`.
return add_chunk(ARGV[1], ARGV[2], ARGV[3], ARGV[4], 5, {})
