"""Rules for VPC."""
