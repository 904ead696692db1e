"""Calls Portage's HTTP API."""
