"""Benchmarks: speed, memory and start-up of the SDK, compared with plain httpx and plain aiohttp. See README.md."""
