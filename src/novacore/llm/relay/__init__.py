"""The relay: requests of others handed to the providers as they are, guarded and retried."""
