"""Speed, memory and start-up of the SDK against the clients people would otherwise write. See README.md."""
