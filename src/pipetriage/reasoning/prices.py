"""What the use of a model costs. The table is genai-prices', as installed: nothing is fetched."""

from collections.abc import Callable
from decimal import Decimal

from pipetriage.settings import PriceSettings

Price = Callable[[int, int], float | None]
"""Gives US dollars for so many input and output tokens; None: the price is not known, which is never 0."""

_MILLION = 1_000_000


def own_price(price: PriceSettings) -> Price:
    """Give the price that the settings name, which goes before any table's."""

    def cost(input_tokens: int, output_tokens: int) -> float | None:
        return (input_tokens * price.input + output_tokens * price.output) / _MILLION

    return cost


def listed_price(provider: str, model: str) -> Price:
    """Give the price that a provider lists (``openai``, ``anthropic``, ``aws``), by the offline table."""

    def cost(input_tokens: int, output_tokens: int) -> float | None:
        from genai_prices import Usage, calc_price

        try:
            found = calc_price(
                Usage(input_tokens=input_tokens, output_tokens=output_tokens), model, provider_id=provider
            )
        except (LookupError, ValueError):
            return None
        total = Decimal(found.total_price)
        # The table has rows with no price in them; asking is not for nothing there.
        return float(total) if total > 0 or not (input_tokens or output_tokens) else None

    return cost


def unknown_price(input_tokens: int, output_tokens: int) -> float | None:
    """Stand for a model that nobody has a price of: on a server of one's own."""
    return None
