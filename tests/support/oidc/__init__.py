"""Providers for sign-in: a certified OpenID Connect provider, and a server that behaves like GitHub."""
