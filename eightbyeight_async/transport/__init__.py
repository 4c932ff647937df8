"""The transport: TLS, connections, the pool, and what a failure means. Only this folder knows httpx's exceptions.

There are two ways to send a call. The first way (`loop_senders`, `choose`, `request`, `answer`) sends calls as bytes,
without an httpx object: `fast` on asyncio, `anyio_transport` on trio and through proxies, `http2` for HTTP/2. The
second way (`through_httpx`, `httpx_observers`, `httpx_call`, `httpx_opening`, `one_request`) goes through httpx. It is
for calls that other code could observe, such as a hook, a mock or a tracer. Retries and errors of the API are
elsewhere.
"""
