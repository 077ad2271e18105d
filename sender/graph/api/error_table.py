"""Which class an error of the Graph API belongs to, as data and its order of look-up; nothing here reads an answer.

Source: platform facts, sections 2.3 (table), 2.5 (order) and 6.4 (Marketing Messages).
"""

from __future__ import annotations

from schema.outcomes import ErrorClass

_T = ErrorClass.TRANSIENT
_RATE_PAGE = ErrorClass.RATE_LIMIT_PAGE
_RATE_APP = ErrorClass.RATE_LIMIT_APP
_AUTH_PAGE = ErrorClass.AUTH_PAGE
_AUTH_APP = ErrorClass.AUTH_APP
_POLICY = ErrorClass.POLICY_PAGE
_WINDOW = ErrorClass.RECIPIENT_WINDOW
_LATER = ErrorClass.RECIPIENT_TEMPORARY
_GONE = ErrorClass.RECIPIENT_PERMANENT
_BAD = ErrorClass.BAD_PAYLOAD

BY_CODE_AND_SUBCODE: dict[tuple[int, int], ErrorClass] = {
    (1, 99): _T,
    (1, 1357046): ErrorClass.AMBIGUOUS,  # "invalid JSON reply": Meta knows of messages delivered all the same
    (2, 2018344): _POLICY,
    (4, 2018022): _RATE_APP,
    (4, 2018354): _WINDOW,  # too soon for this person; must not pause the app
    (9, 2018352): _WINDOW,
    (10, 1404170): _POLICY,
    (10, 1893015): _GONE,
    (10, 1893063): _POLICY,
    (10, 2018065): _WINDOW,
    (10, 2018108): _GONE,
    (10, 2018278): _WINDOW,
    (10, 2018336): _GONE,
    (10, 2534022): _WINDOW,
    (10, 2534077): _AUTH_PAGE,
    (17, 2446079): _RATE_PAGE,
    (100, 33): _AUTH_PAGE,
    (100, 2018001): _GONE,
    (100, 2534014): _GONE,
    (100, 2534029): _POLICY,
    (100, 2534037): _LATER,
    (200, 1545041): _GONE,
    (200, 2018021): _AUTH_APP,
    (200, 2018027): _AUTH_APP,
    (200, 2018028): _AUTH_APP,
    (200, 2534041): _AUTH_PAGE,
    (368, 1346003): _POLICY,
    (551, 1545041): _GONE,
    (613, 1893016): _WINDOW,
    (613, 2018338): _POLICY,
    (613, 2534040): _RATE_PAGE,
    (1200, 2018024): _T,
} | {
    (100, subcode): _BAD
    for subcode in (
        *(2018008, 2018014, 2018015, 2018034, 2018040, 2018041, 2018047, 2018053, 2018074, 2018109),
        *(2018164, 2018294, 2018320, 2018328, 2534013, 2534015, 2534025),
    )
}

_MARKETING: dict[int, ErrorClass] = dict.fromkeys(range(2300000, 2300081), _BAD) | {
    **dict.fromkeys((2300034, 2300036, 2300037, 2300052), _GONE),
    **dict.fromkeys((2300035, 2300042, 2300043, 2300044), _WINDOW),
    **dict.fromkeys((2300078, 2300079, 2300080), _RATE_PAGE),
    **dict.fromkeys((2300015, 2300017, 2300053, 2300054, 2300056, 2300058, 2300059), _POLICY),
    **dict.fromkeys((2300013, 2300019, 2300066, 2300067, 2300069), _AUTH_PAGE),
    **dict.fromkeys((2300055, 2300057, 2300060, 2300061, 2300062, 2300063, 2300068), _T),
}

_LONG_NUMBER = 1_000_000
"""From here on a subcode means the same under every code, and Meta may print it as the code."""

BY_LONG_NUMBER: dict[int, ErrorClass] = (
    {subcode: found for (_, subcode), found in BY_CODE_AND_SUBCODE.items() if subcode >= _LONG_NUMBER}
    | _MARKETING
    | {2018144: _WINDOW, 2018171: _AUTH_PAGE, 2018300: _LATER, 2018321: _LATER, 1609005: _BAD, 9000001: _BAD}
)

BY_CODE: dict[int, ErrorClass] = {
    **dict.fromkeys((1, 2, 1200), _T),
    **dict.fromkeys((4, 341), _RATE_APP),
    **dict.fromkeys((17, 32, 613, *range(80000, 80007), 80008, 80009, 80014), _RATE_PAGE),
    **dict.fromkeys((10, 102, 190, *range(200, 300), 803), _AUTH_PAGE),
    **dict.fromkeys((3, 5, 2500), _AUTH_APP),
    **dict.fromkeys((368, 2022), _POLICY),
    **dict.fromkeys((100, 105, 506, 10303), _BAD),
    551: _GONE,
    1545041: _WINDOW,  # as a code it is Meta's "window closed", as a subcode "person not available" (facts 2.4)
}

BY_TEXT: dict[int, tuple[tuple[str, ErrorClass], ...]] = {
    100: (
        ("appsecret_proof", _AUTH_APP),
        ("no matching user", _GONE),
        ("invalid fbid", _GONE),
        ("notification_messages_token", _GONE),
    ),
    200: (
        ("appsecret_proof", _AUTH_APP),
        ("api access blocked", _AUTH_APP),
        ("isn't receiving messages from you", _GONE),
    ),
}
"""For codes that mean several things: a piece of the message, in lower case."""


def look_up(code: int, subcode: int | None, text: str) -> ErrorClass | None:
    """Return the class of an error, None for one that stands nowhere."""
    if subcode is not None:
        found = BY_CODE_AND_SUBCODE.get((code, subcode)) or BY_LONG_NUMBER.get(subcode)
        if found is not None:
            return found
    plain = text.lower().replace("\u2019", "'")
    for piece, meant in BY_TEXT.get(code, ()):
        if piece in plain:
            return meant
    return BY_CODE.get(code) or BY_LONG_NUMBER.get(code)


def classes_of(code: int, subcode: int) -> set[ErrorClass]:
    """Return every class that an error with both can have, as its text may be."""
    found = BY_CODE_AND_SUBCODE.get((code, subcode)) or BY_LONG_NUMBER.get(subcode)
    if found is not None:
        return {found}
    by_number = BY_CODE.get(code) or BY_LONG_NUMBER.get(code) or _T
    return {by_number, *(meant for _, meant in BY_TEXT.get(code, ()))}
