"""NovaCore: a home for AI agents and chat that never forget."""
