"""What is no statement of the speaker's own: questions, what-ifs, hearsay, play, denials.

Precision comes before recall: a sentence that may be one of these is left alone.
"""

import re
from typing import Final

from novacore.memory.facts.sentences import Sentence

_QUESTION: Final = re.compile(
    r"^(?:who|what|when|where|which|why|how|do|does|did|is|are|am|was|were|can|could|should|would"
    r"|will|shall|may|might|has|have(?! (?:i|we) (?:decided|agreed))|isn't|aren't|don't|won't)\b",
    re.IGNORECASE,
)
_UNREAL: Final = re.compile(
    r"\b(?:if|suppos\w*|imagine\w*|imaginary|imagining|pretend\w*|assume\w*|assuming|hypothe\w+|whether|would|wouldn't|could"
    r"|might|maybe|perhaps|probably|possibly|presumably|guess|wish\w*|hop(?:e|ing)|unless|were to"
    r"|as though|let's say|lets say|say that|for (?:example|instance)|e\.g|used to|almost|nearly"
    r"|considering|thinking (?:about|of)|plan(?:ning)? to|going to|want to|wanted to|dream\w*"
    r"|kidding|joking|sarcas\w*|lol|i'd|we'd|think|believe|seems?|not sure|unsure|what about)\b",
    re.IGNORECASE,
)
_HEARSAY: Final = re.compile(
    r"\b(?:said|says|saying|told|tells|asked|asks|claim(?:s|ed)?|wrote|writes|stated|according to"
    r"|quot\w+|heard|answers? with|repl(?:y|ies|ied)|translat\w+|spell\w*|pronounce\w*"
    r"|sentences?|phrase\w*|words?|lyrics?|poem|story|novel|fiction\w*|character|role-?play\w*"
    r"|persona|acting as|act as|prompt|example|dialogue|subject line|message that|email that)\b",
    re.IGNORECASE,
)
_DENIAL: Final = re.compile(
    r"\b(?:not|never|no longer|nobody|none|neither|nor|without|hardly|no)\b|n['’]t\b",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"[\"“”„«»]|(?<!\w)['‘][^'’]{3,}['’](?!\w)")
_OTHERS_TEXT: Final = re.compile(
    r"\b(?:translate|proof-?read|rewrite|rephrase|paraphrase|summari[sz]e|correct|edit|review|"
    r"analy[sz]e|explain|classify|fix|improve|parse|extract|continue|complete|read)\b[^.?!\n]{0,60}"
    r"\b(?:this|these|the following|below|text|sentence|paragraph|e-?mail|letter|article|story"
    r"|passage|transcript|conversation|log|cv|resume|essay|bio)\b"
    r"|\b(?:you are|you're|act as|play|pretend to be|role-?play as|imagine you)\b[^.?!\n]{0,40}"
    r"\b(?:a|an|the)\b[^\n]{0,80}(?:named|called|who|whose|:)"
    r"|\b(?:write|draft|compose|generate|make up|tell)\b[^.?!\n]{0,50}\b(?:story|poem|song|letter"
    r"|e-?mail|speech|dialogue|monologue|bio|essay|post|cover letter|introduction|about)\b"
    r"|\bhere(?:'s| is| are)\b[^.?!\n]{0,40}\b(?:e-?mail|letter|text|article|story|transcript"
    r"|message|essay|log|quote|bio|example|conversation|notes?)\b"
    r"|\bforwarded message\b|^from: .+$",
    re.IGNORECASE | re.MULTILINE,
)


def is_others_text(text: str) -> bool:
    """Whether a message brings a text of somebody else's, or asks for one: nothing in it counts."""
    return _OTHERS_TEXT.search(text) is not None


def is_statement(sentence: Sentence) -> bool:
    """Whether the speaker states something as so, in their own words."""
    text = sentence.text
    return not (
        sentence.mark in ("?", "？")
        or _QUESTION.search(text)
        or _UNREAL.search(text)
        or _HEARSAY.search(text)
        or _QUOTED.search(text)
    )


def is_denial(text: str) -> bool:
    """Whether something is denied in it."""
    return _DENIAL.search(text) is not None
