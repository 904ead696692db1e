"""Rules for Lambda."""
