"""How an attempt can end, and why: the two vocabularies of the log."""

from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended. All but `retrying` are final."""

    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    RETRYING = "retrying"


FINAL_OUTCOMES: tuple[Outcome, ...] = tuple(o for o in Outcome if o is not Outcome.RETRYING)


class ErrorClass(StrEnum):
    """Why an attempt did not end as `sent`.

    The first block are the classes of Graph answers (platform facts, section 2.2); the second are
    reasons found on our side before or instead of an answer.
    """

    TRANSIENT = "transient"
    RATE_LIMIT_PAGE = "rate_limit_page"
    RATE_LIMIT_APP = "rate_limit_app"
    AUTH_PAGE = "auth_page"
    AUTH_APP = "auth_app"
    POLICY_PAGE = "policy_page"
    RECIPIENT_WINDOW = "recipient_window"
    RECIPIENT_TEMPORARY = "recipient_temporary"
    RECIPIENT_PERMANENT = "recipient_permanent"
    BAD_PAYLOAD = "bad_payload"
    AMBIGUOUS = "ambiguous"

    INVALID_RECIPIENT = "invalid_recipient"
    """The recipient id cannot be one."""
    MISSING_VARIABLE = "missing_variable"
    """The message names a variable that the recipient lacks and that has no fallback."""
    TEXT_TOO_LONG = "text_too_long"
    """More than 2000 characters after the variables were filled in."""
    NO_TOKEN = "no_token"  # noqa: S105 - a class name, not a secret
    """The page has no access token that can be decrypted."""
    CORRUPT = "corrupt"
    """The job's record in the queue cannot be decoded."""
    RECIPIENT_GONE = "recipient_gone"
    """An earlier run was told that this person cannot be reached."""
    RECIPIENT_DENIED = "recipient_denied"
    """A person has put this one on the page's deny list."""
    RUN_CANCELLED = "run_cancelled"
    RUN_EXPIRED = "run_expired"
