"""Signs users in, and stores sign-ins."""
