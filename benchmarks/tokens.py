"""How far our estimate of tokens is above a real tokenizer's count: ``make token-bench`` (``MODEL=smollm2`` …).

The requests of cases all over the corpus, whole as a model gets them, counted by the served model's own tokenizer with
its chat template. Then single hard texts, which no case has a whole request of: the estimate is to hold for them, too.
"""

import random
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from lab.model.server import Server, serve
from lab.model.weights import WEIGHTS, WeightsError, fetch
from pipetriage.bootstrap import open_app
from pipetriage.reasoning.tokens import tokens

BUILD = Path(__file__).parents[1] / "build"
EVERY = 16
"""Case of the corpus: 63 of them, some of every kind."""


def main(name: str) -> int:
    """Print the ratios; 1 where an estimate is below the real count."""
    try:
        weights = fetch(name, BUILD / "models")
    except WeightsError as error:
        print(f"skipped: {error}")
        return 0
    with serve(BUILD / "model-venv" / "bin" / "python", weights, BUILD / "models" / "server.log") as server:
        print(f"{WEIGHTS[name].model}: our estimate of tokens, divided by the tokenizer's count")
        low = [*_print_requests(server), *_print_texts(server)]
    for text in low:
        print(f"TOO LOW: {text}")
    return bool(low)


def _print_requests(server: Server) -> Iterator[str]:
    app = open_app(use_store=False, model="none")
    ratios: list[tuple[float, str, int]] = []
    for case in sorted(one.parent for one in Path("cases").glob("*/bundle.json"))[::EVERY]:
        question = app.request(str(case)).question
        real = server.input_tokens(question.instructions, question.text)
        ratios.append(((tokens(question.instructions) + tokens(question.text)) / real, case.name, real))
    ratios.sort()
    told = [ratio for ratio, _, _ in ratios]
    print(
        f"  {len(ratios)} requests of cases: {told[0]:.2f} at least ({ratios[0][1]}), {statistics.median(told):.2f} "
        f"the median, {told[-1]:.2f} at most; the largest has {max(real for _, _, real in ratios)} tokens"
    )
    yield from (f"{name}: {ratio:.2f}" for ratio, name, _ in ratios if ratio < 1)


def _print_texts(server: Server) -> Iterator[str]:
    for name, text in _hard_texts().items():
        ratio = tokens(text) / server.tokens(text)
        print(f"  {name}: {ratio:.2f}")
        if ratio < 1:
            yield f"{name}: {ratio:.2f}"


def _hard_texts() -> dict[str, str]:
    """Give what logs have of texts that tokenizers cut small."""
    drawn = random.Random(7)  # noqa: S311 - no secret

    def of(letters: str, length: int) -> str:
        return "".join(drawn.choice(letters) for _ in range(length))

    lower = "abcdefghijklmnopqrstuvwxyz"
    return {
        "base64": "\n".join(of(lower + lower.upper() + "0123456789+/", 76) for _ in range(30)),
        "hexadecimal": " ".join(of("0123456789abcdef", 64) for _ in range(30)),
        "random small letters": " ".join(of(lower, 12) for _ in range(200)),
        "random capitals": " ".join(of(lower.upper(), 12) for _ in range(200)),
        "camel case": " ".join(of(lower, 3).title() + of(lower, 4).title() + of(lower, 2).title() for _ in range(200)),
        "blanks and tabs": "".join(of(" \t", 7) + "x" for _ in range(200)),
        "line ends of two kinds": "a\r\n\r\n b\n \n\tc\r" * 100,
        "control characters": of("".join(map(chr, range(1, 32))), 600),
        "emoji": of("\U0001f600\U0001f680\U0001f9e0\U0001fae0\U0001f6a8", 300),
        "rare ideographs": "".join(chr(drawn.randrange(0x20000, 0x2A000)) for _ in range(300)),
        "ideographs": "".join(chr(drawn.randrange(0x4E00, 0x9000)) for _ in range(300)),
        "Cyrillic, Arabic, Hindi": "Ошибка записи таблицы خطأ في كتابة الجدول तालिका लिखने में त्रुटि " * 20,
        "paths and ids": " ".join(
            f"s3://b-{of(lower, 6)}/dt=2026-11-{n:02}/part-{of('0123456789abcdef', 8)}-c000" for n in range(60)
        ),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "qwen-0.5b"))
