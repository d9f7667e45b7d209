"""Providers to sign in with: a real one of OpenID Connect, and one that looks like GitHub."""
