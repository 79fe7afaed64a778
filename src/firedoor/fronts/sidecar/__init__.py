"""The sidecar: an ASGI application on uvicorn, with aiohttp towards the providers."""
