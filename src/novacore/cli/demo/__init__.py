"""What `nova demo` shows: people, conversations, memories and a month of usage.

Everything goes through the services that a real server uses; only the clock is another one.
"""
