"""The closed lists of words that recall knows: stop words, months, words of time and of number."""

from typing import Final

STOP_WORDS: Final = frozenset(
    """
    a an and are as at be been but by can could d did do does doing for from had has have having he
    her hers him his how i if in into is it its itself just ll m me might must my no nor not of on
    or our ours re s shall she should so some such t than that the their theirs them then there
    these they this those to too up us ve was we were what when where which who whom whose why will
    with would you your yours am about also any because being both each few more most other own same
    very
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""Words that say nothing of what a text is about. A query made of them alone keeps them."""

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
"""A month's name or abbreviation, to its number."""

MONTH_NAMES: Final = tuple(
    name for name in MONTHS if len(name) > 4 or name in ("may", "june", "july")
)
"""The months' full names, January first."""

WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
}
"""A weekday's name, to its number; Monday is 0."""

SEASONS: Final = {
    "winter": (12, 2),
    "spring": (3, 5),
    "summer": (6, 8),
    "autumn": (9, 11),
    "fall": (9, 11),
}
"""A season, to its first and last month (northern)."""

TIME_WORDS: Final = (
    frozenset(
        """
    today yesterday tomorrow tonight ago week weeks weekend month months year years day days hour
    hours minute minutes morning afternoon evening night noon midnight last next recently soon later
    earlier since until before after date deadline schedule scheduled season summer winter spring
    autumn
    """.split()  # noqa: SIM905 - as above
    )
    | frozenset(WEEKDAYS)
    | (frozenset(MONTHS) - {"may", "mar", "march", "sep", "dec"})
)
"""Words by which a text says when."""

NUMBER_WORDS: Final = {
    word: number
    for number, word in enumerate(
        """
        zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty
        """.split()  # noqa: SIM905 - as above
    )
} | {
    "once": 1,
    "twice": 2,
    "couple": 2,
    "dozen": 12,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "hundred": 100,
}
"""Words by which a text says how many."""
