"""People who always get the same answer: named one by one, or a share of everybody by a hash of the PSID."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate

from ops.fakegraph.answer_names import named
from ops.fakegraph.answer_texts import Answer, Catalogue, Scope

MESSAGE_ONLY = frozenset({Scope.MESSAGE})


def place_of(person: str) -> float:
    """Where a person stands among all, 0 up to 1, always the same: who stands below a share belongs to it."""
    return int.from_bytes(blake2b(person.encode(), digest_size=6).digest(), "big") / 2**48


class FixedAnswers:
    """Answers by person; who is named goes before the shares.

    Args:
        by_person: The answers of those who are named.
        shares: Answers with their shares of everybody, which follow each other from `place_of` 0 on.
    """

    def __init__(self, by_person: Mapping[str, Answer], shares: Sequence[tuple[Answer, float]]) -> None:
        self._by_person = by_person
        self._bounds = list(
            zip(accumulate(share for _, share in shares), (answer for answer, _ in shares), strict=True)
        )

    def of(self, person: str) -> Answer | None:
        """The answer that this person always gets; None for most."""
        answer = self._by_person.get(person) if self._by_person else None
        if answer is not None or not self._bounds:
            return answer
        place = place_of(person)
        return next((answer for bound, answer in self._bounds if place < bound), None)


def read_fixed_answers(
    catalogue: Catalogue, told: Mapping[str, float | list[str]], problems: list[str]
) -> FixedAnswers:
    """What was told, answer name -> share or people; what is wrong with it is added to `problems`."""
    by_person: dict[str, Answer] = {}
    shares: list[tuple[Answer, float]] = []
    for name, whom in told.items():
        answer = named(catalogue, name, MESSAGE_ONLY, "people", problems)
        if answer is None:
            continue
        if not isinstance(whom, list):
            shares.append((answer, whom))
            continue
        twice = sorted(set(whom) & by_person.keys())
        problems += [f"people: {person!r} is named for {name!r} and for another answer" for person in twice]
        by_person |= dict.fromkeys(whom, answer)
    if any(not 0 <= share <= 1 for _, share in shares) or sum(share for _, share in shares) > 1 + 1e-9:
        problems.append("people: each share must be 0 to 1, and all together at most 1")
    return FixedAnswers(by_person, shares)
