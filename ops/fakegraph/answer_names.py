"""How tests name answers: as the catalogue does, or by the short names that tests use most."""

from collections.abc import Collection

from ops.fakegraph.answer_texts import Answer, Catalogue, Scope

SHORT_NAMES = {
    "10": "permission_missing_10",
    "100": "recipient_unknown_no_subcode",
    "190": "token_invalid_190",
    "368": "content_blocked_368",
    "551": "recipient_unavailable_551",
    "613": "rate_613_plain",
    "html502": "html_502",
    "empty": "empty_200",
    "cut": "truncated_json_200",
    "no_answer": "fault_read_timeout_after_full_request",
}


def named(
    catalogue: Catalogue, name: str, scopes: Collection[Scope], where: str, problems: list[str], *more: str
) -> Answer | None:
    """The answer of this name; None, and a problem more, when there is none that may stand `where` it was told.

    Args:
        catalogue: All answers by name.
        name: Its name, or a short one.
        scopes: The scopes that may stand there.
        where: What it was told for.
        problems: Every problem found so far.
        more: Other words that may stand there, for the text of the problem.
    """
    answer = catalogue.get(SHORT_NAMES.get(name, name))
    if answer is not None and answer.scope in scopes:
        return answer
    known = [*more, *SHORT_NAMES, *catalogue]
    usable = [n for n in known if n in more or catalogue[SHORT_NAMES.get(n, n)].scope in scopes]
    problems.append(f"{where}: no answer there is named {name!r}; there are: {', '.join(usable)}")
    return None
