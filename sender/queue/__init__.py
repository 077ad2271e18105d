"""The queue in Redis: its Lua scripts and the client that calls them."""
