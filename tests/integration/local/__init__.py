"""The local servers: real ones, started, killed, broken and started again; nothing may be left of them."""
