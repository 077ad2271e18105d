"""What Meta demands of a message's form, as far as it can be told before anybody is written to. Pure."""
