#!lua flags=allow-oom
-- uses: audit
-- ARGV: who, what, target, detail. Notes what a person did that no other script does. Returns nothing.
audit(unpack(ARGV))
