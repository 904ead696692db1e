"""What the API and the pipeline do, one operation a file."""
