"""The routes that OpenAI's and Anthropic's own clients call, without a framework in between."""

from novacore.gateway.v1.app import V1

__all__ = ["V1"]
