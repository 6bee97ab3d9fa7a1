"""Recall: finds what was said, without a language model. Start with `Recall` in `service`.

`documents` makes an entry ready, `index` holds them, `search` answers one question over them, and
`follow` keeps all of it at the journal's head.
"""
