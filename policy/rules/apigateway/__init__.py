"""Rules for API Gateway: REST, HTTP and WebSocket APIs."""
