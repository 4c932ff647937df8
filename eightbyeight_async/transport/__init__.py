"""The transport: TLS, connections, the pool, and what a failure means. Only this folder knows httpx's exceptions.

Two doors. The bytes' door (`wires`, `choose`, `request`, `answer`) sends calls as bytes, without an httpx object:
`fast` on asyncio, `anyio_transport` on trio and through proxies, `http2`. httpx's door (`door`, `watchers`,
`httpx_call`, `one_request`) is for calls that somebody could see. Not here: retries and errors of the API.
"""
