"""Runs many seeds in parallel processes, with progress, a time limit a seed, and what was done before kept."""

import json
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path

from lab.result import Result, from_json
from lab.seed import run_seed

SEED_LIMIT_SECONDS = 120.0
_CHUNK = 4


def run_all(
    seeds: Iterable[int],
    *,
    jobs: int = 2,
    out: Path | None = None,
    ablate: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Result]:
    """Run the seeds and give their results in order; those found in ``out`` are not run again."""
    wanted = list(seeds)
    done = _read_back(out) if out is not None else {}
    todo = [seed for seed in wanted if seed not in done]
    if len(todo) < len(wanted):
        tell(f"{len(wanted) - len(todo)} of {len(wanted)} seeds were run before and are kept")
    keep = out / "cases" if out is not None else None
    began = time.perf_counter()
    for counted, result in enumerate(_results(todo, jobs, ablate, keep), start=1):
        done[result.seed] = result
        if out is not None:
            _append(out, result)
        if result.outcome in {"fatal", "disagreement", "error"}:
            tell(f"seed {result.seed}: {result.outcome}: {_what(result)}")
        if counted % 50 == 0 or counted == len(todo):
            each = (time.perf_counter() - began) / counted
            left = each * (len(todo) - counted)
            tell(f"{counted}/{len(todo)} seeds, {each:.2f} s each, {left:.0f} s to go · {_tally(done.values())}")
    return [done[seed] for seed in wanted if seed in done]


def _results(seeds: list[int], jobs: int, ablate: bool, keep: Path | None) -> Iterator[Result]:
    """Run chunks in a pool; a seed that hangs ends the run with its number told, and a second start goes on."""
    chunks = [seeds[at : at + _CHUNK] for at in range(0, len(seeds), _CHUNK)]
    if jobs <= 1 or len(seeds) == 1:
        for chunk in chunks:
            yield from _run_chunk(chunk, ablate, keep)
        return
    # Spawned, not forked: pyarrow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=50) as pool:
        waiting: dict[Future[list[Result]], list[int]] = {}
        left = iter(chunks)
        for chunk in left:
            waiting[pool.submit(_run_chunk, chunk, ablate, keep)] = chunk
            if len(waiting) >= jobs * 2:
                break
        while waiting:
            ended, _ = wait(waiting, timeout=SEED_LIMIT_SECONDS * _CHUNK, return_when=FIRST_COMPLETED)
            if not ended:
                for process in list(pool._processes.values()):
                    process.terminate()
                for chunk in waiting.values():
                    for seed in chunk:
                        yield Result(seed=seed, error=f"no answer within {SEED_LIMIT_SECONDS:.0f} s a seed")
                return
            for future in ended:
                del waiting[future]
                if (chunk := next(left, [])) != []:
                    waiting[pool.submit(_run_chunk, chunk, ablate, keep)] = chunk
                yield from future.result()


def _run_chunk(seeds: list[int], ablate: bool, keep: Path | None) -> list[Result]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyiceberg warns of deletes that match nothing; here that is ordinary
        return [run_seed(seed, ablate=ablate, keep=keep) for seed in seeds]


def _append(out: Path, result: Result) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with (out / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(result.to_json()) + "\n")


def _read_back(out: Path) -> dict[int, Result]:
    path = out / "results.jsonl"
    if not path.exists():
        return {}
    results: dict[int, Result] = {}
    for line in path.read_text("utf-8").splitlines():
        try:
            result = from_json(json.loads(line))
        except (ValueError, TypeError, KeyError):
            continue  # a line cut by an interruption: that seed runs again
        results[result.seed] = result
    return results


def _what(result: Result) -> str:
    if result.error is not None:
        return result.error.strip().splitlines()[-1]
    removed = ["+".join(one.removed) for one in result.ablated if one.fatal]
    without = f"without {', '.join(removed)}" if removed else ""
    return "; ".join([*result.fatal, *result.disagreement, without, str(result.facets.get("mode"))])[:400]


def _tally(results: Iterable[Result]) -> str:
    counts: dict[str, int] = {}
    for result in results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
