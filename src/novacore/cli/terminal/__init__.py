"""The conversation in the terminal: what is typed, what is shown, and what is asked.

Start with `conversation`; a turn is shown by `turn_view`, keys are read by `prompt` and `keys`,
plain lines by `lines`, commands are in `slash`.
"""

__all__: list[str] = []
