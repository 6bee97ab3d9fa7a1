"""The stem of an English word, so that "painted" finds "painting": the Porter2 algorithm.

Source: M. Porter, "The English (Porter2) stemming algorithm", snowballstem.org.
"""

import functools
import re

_STEMS_CACHED = 131_072

_VOWELS = "aeiouy"
_DOUBLES = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
_LI_ENDINGS = "cdeghkmnrt"

_SPECIAL = {
    "skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie",
    "idly": "idl", "gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli",
    "singly": "singl", "sky": "sky", "news": "news", "howe": "howe", "atlas": "atlas",
    "cosmos": "cosmos", "bias": "bias", "andes": "andes",
}  # fmt: skip

_KEPT_AFTER_1A = frozenset(
    ("inning", "outing", "canning", "herring", "earring", "evening", "proceed", "exceed", "succeed")
)

_STEP_2 = (
    ("ization", "ize"), ("ational", "ate"), ("fulness", "ful"), ("ousness", "ous"),
    ("iveness", "ive"), ("tional", "tion"), ("biliti", "ble"), ("lessli", "less"),
    ("entli", "ent"), ("ation", "ate"), ("alism", "al"), ("aliti", "al"), ("ousli", "ous"),
    ("iviti", "ive"), ("fulli", "ful"), ("enci", "ence"), ("anci", "ance"), ("abli", "able"),
    ("izer", "ize"), ("ator", "ate"), ("alli", "al"), ("bli", "ble"), ("ogi", "og"), ("li", ""),
)  # fmt: skip

_STEP_3 = (
    ("ational", "ate"), ("tional", "tion"), ("alize", "al"), ("icate", "ic"), ("iciti", "ic"),
    ("ative", ""), ("ical", "ic"), ("ness", ""), ("ful", ""),
)  # fmt: skip

_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous",
    "ive", "ize", "ion", "al", "er", "ic",
)  # fmt: skip

_REGION = re.compile(r"[aeiouy][^aeiouy]")


@functools.lru_cache(maxsize=_STEMS_CACHED)
def stem(word: str) -> str:
    """The stem of a lower-case word; a word that is not plain a to z comes back as it is."""
    if len(word) <= 2 or not (word.isascii() and word.isalpha()):
        return word
    if word in _SPECIAL:
        return _SPECIAL[word]
    word = _mark_consonants(word)
    first, second = _regions(word)
    word = _step_1a(word)
    if word in _KEPT_AFTER_1A:
        return word.lower()
    word = _step_1c(_step_1b(word, first))
    word = _step_2(word, first)
    word = _step_3(word, first, second)
    word = _step_4(word, second)
    return _step_5(word, first, second).lower()


def _mark_consonants(word: str) -> str:
    """A y that is a consonant becomes Y."""
    marked = list(word)
    for at, char in enumerate(marked):
        if char == "y" and (at == 0 or marked[at - 1] in _VOWELS):
            marked[at] = "Y"
    return "".join(marked)


def _regions(word: str) -> tuple[int, int]:
    """Where the regions R1 and R2 begin."""
    first = len(word)
    for start in ("gener", "commun", "arsen", "organ", "univers", "inter"):
        if word.startswith(start):
            first = len(start)
            break
    else:
        found = _REGION.search(word)
        if found:
            first = found.end()
    found = _REGION.search(word, first)
    return first, found.end() if found else len(word)


def _is_short_syllable(word: str) -> bool:
    if len(word) == 2:
        return word[0] in _VOWELS and word[1] not in _VOWELS
    return (
        len(word) > 2
        and word[-3] not in _VOWELS
        and word[-2] in _VOWELS
        and word[-1] not in _VOWELS
        and word[-1] not in "wxY"
    )


def _has_vowel(part: str) -> bool:
    return any(char in _VOWELS for char in part)


def _step_1a(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")):
        return word
    if word.endswith("s") and _has_vowel(word[:-2]):
        return word[:-1]
    return word


def _step_1b(word: str, first: int) -> str:
    for ending in ("eedly", "eed"):
        if word.endswith(ending):
            return word[: -len(ending)] + "ee" if len(word) - len(ending) >= first else word
    for ending in ("ingly", "edly", "ing", "ed"):
        if word.endswith(ending):
            left = word[: -len(ending)]
            return _mended(left, first) if _has_vowel(left) else word
    return word


def _mended(left: str, first: int) -> str:
    if left.endswith(("at", "bl", "iz")):
        return left + "e"
    if left.endswith(_DOUBLES):
        return left if len(left) == 3 and left[0] in "aeo" else left[:-1]
    return left + "e" if len(left) <= first and _is_short_syllable(left) else left


def _step_1c(word: str) -> str:
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in _VOWELS:
        return word[:-1] + "i"
    return word


def _step_2(word: str, first: int) -> str:
    for ending, instead in _STEP_2:
        if not word.endswith(ending):
            continue
        left = word[: -len(ending)]
        if len(left) < first:
            return word
        if ending == "ogi" and not left.endswith("l"):
            return word
        if ending == "li" and (not left or left[-1] not in _LI_ENDINGS):
            return word
        return left + instead
    return word


def _step_3(word: str, first: int, second: int) -> str:
    for ending, instead in _STEP_3:
        if word.endswith(ending):
            left = word[: -len(ending)]
            least = second if ending == "ative" else first
            return left + instead if len(left) >= least else word
    return word


def _step_4(word: str, second: int) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            left = word[: -len(ending)]
            if len(left) < second or (ending == "ion" and not left.endswith(("s", "t"))):
                return word
            return left
    return word


def _step_5(word: str, first: int, second: int) -> str:
    left = word[:-1]
    if word.endswith("e"):
        in_first = len(left) >= first and not _is_short_syllable(left)
        return left if len(left) >= second or in_first else word
    if word.endswith("ll") and len(left) >= second:
        return left
    return word
