"""What our gateway adds to a call of a model, beside LiteLLM's proxy on the same upstream."""
