"""Patches of MiniStack's API Gateway (REST APIs)."""
