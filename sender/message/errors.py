"""Why a message cannot be used at all, or not for this recipient."""

from __future__ import annotations

from schema.outcomes import ErrorClass, Outcome


class BadTemplate(Exception):
    """A run's message cannot be used. `position` says where, like `message.text, character 12`."""

    def __init__(self, position: str, reason: str) -> None:
        super().__init__(f"{position}: {reason}")
        self.position = position
        self.reason = reason


class NotSendable(Exception):
    """This message does not go to this recipient. `reason` is for people and holds no value of a variable."""

    def __init__(self, error_class: ErrorClass, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.error_class = error_class
        self.outcome = outcome
        self.reason = reason


class MissingVariable(NotSendable):
    """The recipient lacks a variable that has no fallback."""

    def __init__(self, name: str, reason: str | None = None) -> None:
        super().__init__(ErrorClass.MISSING_VARIABLE, Outcome.FAILED, reason or f"the variable {name} is missing")
        self.name = name


class BadVariables(NotSendable):
    """A recipient's variables cannot be read: to go on without them would fill in fallbacks for what is known."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorClass.MISSING_VARIABLE, Outcome.FAILED, reason)


class UnusableVariable(MissingVariable):
    """The recipient's variable is a list, an object or no finite number; a fallback does not stand in for it."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(name, f"the variable {name} is of type {type(value).__name__}, which is no text")
