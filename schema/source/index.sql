-- The index that makes reading recipients cheap. Newar reads a run's recipients some thousands at a time, in the order
-- of their ids; without this index Postgres searches and sorts the whole table for every page of them.
--
-- Its expressions must be those that the view newar_recipients gives run_id and recipient_id, here
-- `broadcast_id::text` and `psid`. COLLATE "C" is the order in which Newar reads: bytes, the same on every server.
--
-- CONCURRENTLY lets your application go on writing meanwhile; run it alone, outside a transaction.
CREATE INDEX CONCURRENTLY IF NOT EXISTS broadcast_recipients_newar
    ON broadcast_recipients ((broadcast_id::text), psid COLLATE "C");
