"""What happens in the demo, in order. Everything told here is counted in the tables, not written down beforehand."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from pipetriage.bootstrap import open_app
from pipetriage.demo.contract import write_contract
from pipetriage.demo.inputs import SHOPS, write_clicks, write_orders
from pipetriage.demo.lake import Lake
from pipetriage.demo.proof import blind_rerun, clicks_of, staged
from pipetriage.demo.report import revenue_report
from pipetriage.demo.runner import Runner
from pipetriage.model.incident import Incident


class Story:
    """Two pipelines, two failures: one that must not be rerun, one that may be."""

    def __init__(
        self, folder: Path, now: datetime, echo: Callable[[str], None], verdict: Callable[[Incident], None]
    ) -> None:
        self._folder = folder
        self._echo = echo
        self._verdict = verdict
        self._today, self._yesterday = now.date(), now.date() - timedelta(days=1)
        self._hour, self._hour_before = (f"{now - timedelta(hours=ago):%Y-%m-%d-%H}" for ago in (1, 2))
        self._contract = write_contract(folder)
        self._runner = Runner(folder)

    def play(self) -> None:
        """Tell it all."""
        self._echo(f"A small data platform in {self._folder}: Iceberg tables, input files, a control table.")
        with Lake(self._folder / "lake") as lake:
            lake.create_tables()
        self._orders()
        self._clicks()

    def _orders(self) -> None:
        folder, today, yesterday = self._folder, self._today, self._yesterday
        self._echo(f"\n1. orders_daily appends each of {len(SHOPS)} shops to staging, then publishes the day.")
        write_orders(self._orders_source(yesterday.isoformat()), yesterday, with_discounts=False)
        self._run("orders_daily", yesterday.isoformat(), self._orders_source(yesterday.isoformat()))
        write_orders(self._orders_source(today.isoformat()), today, with_discounts=True)
        failed = self._run("orders_daily", today.isoformat(), self._orders_source(today.isoformat()))

        self._echo("\n2. The scheduled revenue_report does not know that, and reads staging.")
        with Lake(folder / "lake") as lake:
            revenue = revenue_report(lake, today, folder / "lineage" / "events.jsonl")
        self._echo(
            f"   It reports {revenue.total:,.2f} for {today}: {revenue.orders} orders of {revenue.shops} shops, "
            "taken for the whole day."
        )
        self._echo(f"   The input of {today} holds {_lines(self._orders_source(today.isoformat()))} orders.")

        self._triage(3, f"local:orders_daily/{failed}")

        self._echo("\n4. Is that so? The batch is run again, blindly, and counted.")
        before = staged(folder, today)
        after = blind_rerun(folder, "orders_daily", today.isoformat(), self._orders_source(today.isoformat()))
        self._echo(f"   Staging before: {before.rows} rows, {before.distinct} distinct orders.")
        self._echo(
            f"   Staging after the blind rerun: {after.rows} rows, {after.distinct} distinct orders: "
            f"{after.rows - after.distinct} orders twice, in {len(after.twice)} shops."
        )
        self._echo("   (The rerun worked on the lake itself, because Iceberg names files by absolute path;")
        restored = staged(folder, today)
        self._echo(f"   it has been put back from a copy since: {restored.rows} rows, as before.)")

    def _clicks(self) -> None:
        folder, hour = self._folder, self._hour
        self._echo("\n5. clicks_hourly appends one hour of clicks. This hour's input is late.")
        write_clicks(self._clicks_source(self._hour_before), self._hour_before)
        self._run("clicks_hourly", self._hour_before, self._clicks_source(self._hour_before))
        failed = self._run("clicks_hourly", hour, self._clicks_source(hour))
        target = f"local:clicks_hourly/{failed}"
        self._triage(6, target)

        self._echo("\n7. A scheduler asks the gate before each retry.")
        self._ask_gate(target, "the input still missing")
        write_clicks(self._clicks_source(hour), hour)
        allowed = self._ask_gate(target, "the input there")
        if not allowed:
            return
        self._run("clicks_hourly", hour, self._clicks_source(hour))
        table = clicks_of(folder, hour)
        sent = _lines(self._clicks_source(hour))
        self._echo(f"   Clicks sent: {sent}. In the table: {table.rows} rows, {table.distinct} distinct.")

    def _run(self, job: str, batch_id: str, source: Path) -> str:
        run = self._runner.run(job, batch_id, source)
        why = f": {run['ErrorMessage'].splitlines()[0]}" if "ErrorMessage" in run else ""
        self._echo(f"   {job} {batch_id}: {run['JobRunState']}{why}")
        return str(run["Id"])

    def _triage(self, number: int, target: str) -> None:
        self._echo(f"\n{number}. pipetriage triage {target}\n")
        self._verdict(open_app(config=self._contract).triage(target))

    def _ask_gate(self, target: str, when: str) -> bool:
        answer = open_app(config=self._contract).gate(target)
        word = "go" if answer.allowed else "not now"
        again = f"; ask again in {answer.retry_after_seconds} s" if answer.retry_after_seconds else ""
        self._echo(f"   pipetriage gate, {when}: {word} ({answer.reason}{again})")
        return answer.allowed

    def _orders_source(self, day: str) -> Path:
        return self._folder / "input" / "orders" / day

    def _clicks_source(self, hour: str) -> Path:
        return self._folder / "input" / "clicks" / hour


def _lines(folder: Path) -> int:
    return sum(len(file.read_text("utf-8").splitlines()) for file in folder.iterdir())
