"""The small model that ships with us: fetching it, and the child process that it runs in."""
