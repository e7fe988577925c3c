"""Forms of written times: which characters are the year, the month, the hour or the zone.

A form is found from a template, the text with every digit replaced by 0, so that a column with a
million times in one form is understood once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from seqrt.encoding.notation.zones import is_zone

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST = 48

_MONTH = r"(?P<name>(?i:{}))\.?".format(
    "|".join(f"{name}|{'sept|' * (name == 'September')}{name[:3]}" for name in MONTHS)
)
_WEEKDAY = r"(?:(?P<weekday>(?i:{})),? )?".format(
    "|".join(f"{name}|{name[:3]}" for name in WEEKDAYS)
)
_DAYS = (
    r"(?P<Y>0000)(?P<dash>[-/.])(?P<m>0{1,2})(?P=dash)(?P<d>0{1,2})",
    r"(?P<Y>0000)(?P<m>00)(?P<d>00)",
    r"(?P<first>0{1,2})(?P<mark>[./])(?P<second>0{1,2})(?P=mark)(?P<Y>0000|00)",
    r"(?P<first>0{1,2})(?P<mark>-)(?P<second>0{1,2})-(?P<Y>0000)",
    rf"{_WEEKDAY}(?P<d>0{{1,2}})\.?[ -]{_MONTH}[ ,-]{{1,2}}(?P<Y>0000)",
    rf"{_WEEKDAY}{_MONTH} (?P<d>0{{1,2}}),? (?P<Y>0000)",
)
_PERIODS = (
    r"(?P<Y>0000)-(?P<m>00)",
    r"(?P<Y>0000)M(?P<m>00)",
    r"(?P<m>00)/(?P<Y>0000)",
    r"(?P<Y>0000)[- ]?Q(?P<Q>0)",
    rf"{_MONTH}[ -](?P<Y>0000)",
)
_FRACTION = r"(?:[.,](?P<f>0{1,9}))?"
_CLOCK = (
    rf"(?P<H>0{{1,2}})(?::?(?P<M>00)(?::?(?P<S>00){_FRACTION})?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = (
    r"(?: ?(?:UTC|GMT)?(?P<sign>[+-])(?P<zh>00)(?::?(?P<zm>00))?)?"
    r"(?: ?\[?(?P<zone>[A-Za-z]+(?:/[A-Za-z_+-]+)*)\]?)?"
)
_FORMS = [re.compile(rf"{day}(?:(?:[Tt]|,? +){_CLOCK}{_ZONE})? *") for day in _DAYS]
_FORMS += [re.compile(rf"{period} *") for period in _PERIODS]


@dataclass(frozen=True)
class Form:
    """Where the parts of a time are in its text: `spans` has the first character and end of each.

    Y m d H M S are the date and the clock, f a fraction of a second, Q a quarter, `first` and
    `second` the two numbers of which one is the month; `sign`, zh and zm an offset from UTC.
    """

    template: str
    spans: Mapping[str, tuple[int, int]]
    month: int = 0
    afternoon: bool | None = None
    west: bool = False
    zone: str = ""
    mark: str = ""

    @property
    def digits_only(self) -> bool:
        """Whether the text is a whole number, as in 19580329."""
        return set(self.template.strip()) == {"0"}


@lru_cache(4096)
def form_of(template: str) -> Form | None:
    """Return the form with this template; None if it is not that of a time.

    >>> form_of("0000-00-00 00:00").spans["H"]
    (11, 13)
    """
    for pattern in _FORMS:
        match = pattern.fullmatch(template)
        if match is None:
            continue
        found = match.groupdict()
        if found.get("zone") and not is_zone(found["zone"]):
            continue
        name, half = found.get("name"), found.get("half")
        return Form(
            template,
            {part: match.span(part) for part, text in found.items() if text is not None},
            _month_number(name) if name else 0,
            half in "Pp" if half else None,
            found.get("sign") == "-",
            found.get("zone") or "",
            found.get("mark") or "",
        )
    return None


def _month_number(name: str) -> int:
    return 1 + [month[:3] for month in MONTHS].index(name[:3].title())
