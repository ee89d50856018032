"""Signing in through the office's own issuer of identities (OpenID Connect), where one is set."""
