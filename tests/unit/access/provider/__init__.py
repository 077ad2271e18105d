"""Settings of the OpenID provider."""
