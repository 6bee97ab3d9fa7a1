"""A provider that says what a script tells it to, in both wire formats, over real HTTP.

A script is a list of replies, each a dict that JSON can hold; every request takes the next one.
What a reply may say:

- `text` (str, or a list of pieces), `thinking`, `signature`, `redacted`, `refusal`
- `tool_calls`: [{"id", "name", "arguments": object, or text that need not be JSON}]
- `stop`: the stop reason in the format's own words; `usage`: {"input", "output", "cache_read",
  "cache_write"}, or None to leave it out
- `status`, `error` ({"type", "message", "code"}), `headers`: an answer that is no reply
- `delay_ms` before the head, `chunk_delay_ms` between events
- `break_after`: events after which the connection is cut; `hang_after`: events after which nothing
  more comes; `hold_after`: events after which it waits for `go_on()`; `error_after`: events after
  which `error` comes as an event of the stream
- `bytes_per_write`: cuts the stream at odd places; `raw` and `content_type`: a body as it stands
- `reasoning`: which field of the OpenAI format holds the thinking
- `when`: a text that the request's body must hold for this reply to be the next one
- `repeat`: true keeps the reply for all further requests

Requests are checked as the real services check them (`rules`), and refused in their words.
"""

from tests.scripted_provider.server import Received, ScriptedProvider

__all__ = ["Received", "ScriptedProvider"]
