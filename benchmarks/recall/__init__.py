"""The quality and speed of recall: `python -m benchmarks.recall --data PATH`."""
