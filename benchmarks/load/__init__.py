"""Many people at once on one real server, with a scripted model behind it."""
