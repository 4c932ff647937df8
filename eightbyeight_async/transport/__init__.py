"""How bytes travel: TLS, connections, the pool. The only place that knows httpx's exceptions."""
