"""Requests and responses of the API, and problem details (RFC 9457)."""
