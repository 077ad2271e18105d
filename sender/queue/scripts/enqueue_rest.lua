-- ARGV: as enqueue_chunk, with what had ended before (MessagePack: outcome -> how many of this chunk) before the records.
return add_chunk(ARGV[1], ARGV[2], ARGV[3], ARGV[4], 6, cmsgpack.unpack(ARGV[5]))
