#!lua flags=allow-oom
-- uses: base, answers, actions
-- ARGV: page, reason, ms, longest ms, token version. Nothing can be sent for the page as it stands: its breaker opens, as if
-- an answer had said so. 1: it was closed, or half-open.
local scope = open_scope('page', ARGV[1], P .. 'page:' .. ARGV[1], P .. 'troubled')
if scope.breaker == 'open' and tonumber(redis.call('HGET', scope.key, 'retry_at_ms') or 0) > now_us() / 1000 then return 0 end
local rule = {name = 'page-unusable', in_a_row = 1, for_ms = tonumber(ARGV[3]), longest_ms = tonumber(ARGV[4])}
local opened = ACTIONS.breaker(scope, rule, {first = true, error = ARGV[2], token_version = ARGV[5], jitter = 1}, now_us())
close_scope(scope)
return opened and 1 or 0
