"""Embedders: texts in, unit vectors out. Start with `Embedder` in `model`."""
