"""What asking may cost and has cost: of one incident here, of the day in the memory that all processes share."""

from datetime import date

from pipetriage.errors import StoreError
from pipetriage.model.model_memory import Amount, ModelMemory
from pipetriage.model.proposal import Use
from pipetriage.reasoning.interface import Endpoint, Limits
from pipetriage.settings import ReasoningSettings


class Spending:
    """The spending of one conversation: what asking can cost at most is set aside before, and settled after.

    A call that is cancelled never tells what it cost, and what was set aside for it stays spent.
    """

    def __init__(self, settings: ReasoningSettings, memory: ModelMemory) -> None:
        self._settings = settings
        self._memory = memory
        self._own = Amount()
        self._open = 0
        """Calls under way."""
        self.use = Use()
        """Of all models together, as the providers count it."""

    def reserve(self, endpoint: Endpoint, limits: Limits, today: date) -> "Amount | str":
        """Set aside what asking can cost at most, or say why it must not be spent."""
        settings, most = self._settings, _most(endpoint, limits)
        if self._own.tokens + most.tokens > settings.tokens_per_incident:
            return f"asking could take more than {settings.tokens_per_incident} tokens for one incident"
        if self._own.micro_usd + most.micro_usd > _micro(settings.usd_per_incident):
            return f"asking could cost more than {settings.usd_per_incident:g} USD for one incident"
        limit = Amount(tokens=settings.tokens_per_day, micro_usd=_micro(settings.usd_per_day))
        try:
            if self._memory.reserve(today, most, limit):
                self._open += 1
                return most
        except StoreError as error:
            return f"what the day has cost cannot be read: {error}"
        return f"the day's budget of {settings.tokens_per_day} tokens and {settings.usd_per_day:g} USD is used up"

    def so_far(self) -> Use:
        """Give what was used, with what is under way: nobody knows yet what that costs."""
        return self.use.plus(Use(requests=1, cost_usd=None, uncounted=1)) if self._open else self.use

    def settle(self, today: date, reserved: Amount, use: Use) -> str | None:
        """Replace what was set aside by what was used; say why that was not possible."""
        self._open -= 1
        self.use = self.use.plus(use)
        used = self._amount(use, reserved)
        self._own = Amount(tokens=self._own.tokens + used.tokens, micro_usd=self._own.micro_usd + used.micro_usd)
        try:
            self._memory.settle(today, reserved, used)
        except StoreError as error:
            return f"what it cost could not be recorded: {error}"
        return None

    def _amount(self, use: Use, reserved: Amount) -> Amount:
        tokens = use.input_tokens + use.output_tokens
        if not use.uncounted:
            return Amount(tokens=tokens, micro_usd=_micro(use.cost_usd))
        # Nobody knows what those cost: as much as is possible, and no more than was set aside.
        each = self._settings.input_tokens + self._settings.output_tokens
        most = min(reserved.tokens, tokens + use.uncounted * each)
        return Amount(tokens=max(tokens, most), micro_usd=reserved.micro_usd)


def _most(endpoint: Endpoint, limits: Limits) -> Amount:
    """Give what asking can cost at most."""
    answers = (limits.retries + 1) * limits.output_tokens
    dollars = endpoint.cost(limits.total_tokens - answers, answers)
    return Amount(tokens=limits.total_tokens, micro_usd=_micro(dollars))


def _micro(dollars: float | None) -> int:
    """Give millionths of a dollar, rounded up; a price that is not known counts nothing here, tokens bound it."""
    return 0 if dollars is None else -int(-dollars * 1_000_000 // 1)
