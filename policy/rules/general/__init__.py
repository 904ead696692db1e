"""Rules for all resources."""
