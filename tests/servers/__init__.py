"""Real servers for tests: one module each, started on a free loopback port and killed at the end.

Each module has a class with `start()`, `stop()` and `url`; `fixtures.py` makes one per session.
"""
