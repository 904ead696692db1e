"""Uploads: the rules (model, presign, creation, processing) and their adapters (store, objects)."""
