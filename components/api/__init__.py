"""UploadApi's building blocks: the OpenAPI document, the REST API, its functions and its users."""
