"""What programs ask: the JSON routes, their OpenAPI document, metrics."""
