"""The code that runs in Lambda: one entry a file, rules and adapters in uploads/, processors in processors/."""
