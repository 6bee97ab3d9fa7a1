"""The wire formats: messages of any shape in, a provider's bytes out, and its stream back in.

Nothing here touches the network. Start with `wire`, which says what a format must do; `reading`
takes any message apart; `anthropic_*`, `openai_*` and `schema` put requests and answers together.
"""
