"""Engines that need no server: SQLite, vectors in files, memory."""
