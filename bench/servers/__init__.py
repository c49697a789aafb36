"""Real servers for tests and benches: each a context manager on a free port of 127.0.0.1."""
