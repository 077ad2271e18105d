"""Signing in through an OpenID provider: where it is, what it vouches for, and which role follows."""
