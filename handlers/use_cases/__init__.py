"""The operations of the API and the pipeline, one a file."""
