"""What the doors share: refusals to HTTP, the typed request, the streaming upload."""
