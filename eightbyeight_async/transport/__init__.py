"""The transport: TLS, connections, the pool, and what a failure means. Only this folder knows httpx's exceptions.

Two words: an "answer" is an HTTP response as bytes of a connection; a "response" is the `httpx.Response` made of it.
`choose` selects the transport: `fast` for asyncio, `anyio_transport` for trio and for proxies, `http2`. Not here:
retries and errors of the API.
"""
