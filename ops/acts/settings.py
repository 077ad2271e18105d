"""What acts on runs need of the settings. Only settings are imported here: every command reads all of them."""

from __future__ import annotations

from ops.board.settings import RecipientsSettings
from schema.runtime.settings import KafkaSettings, RedisSettings, TokenSettings, WindowSettings
from sender.runs.settings import MessageRulesSettings
from sender.settings import FlightSettings, GraphSettings, TestSettings


class SubmitSettings(RecipientsSettings, WindowSettings, MessageRulesSettings, TokenSettings):
    """For a run with the recipients of a file."""


class RetrySettings(RecipientsSettings, MessageRulesSettings, TokenSettings):
    """For a run for those whom another did not reach."""


class RecoverSettings(RedisSettings, KafkaSettings, RecipientsSettings, TokenSettings, FlightSettings):
    """For the rest of a run whose queue was lost: what the run processor and the senders are told."""


class CloseSettings(RedisSettings, RecipientsSettings):
    """For runs that are never to be taken again."""


class TryOutSettings(
    RedisSettings, RecipientsSettings, MessageRulesSettings, TokenSettings, GraphSettings, TestSettings
):
    """For one message to somebody who may be tested on."""

    __test__ = False
