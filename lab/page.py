"""The report's page: HTML with inline SVG, readable in both themes, no request to anywhere."""

from html import escape

from lab.charts import bars, matrix, stacked
from lab.figures import Coverage, Figures

_STYLE = """
:root { color-scheme: light dark; --ground:#fbfbf9; --panel:#ffffff; --ink:#1c1d1f; --soft:#5d6168; --line:#e3e3de;
  --bar:#2f6fb5; --track:#ecece7; --good:#2c7a4b; --bad:#b3261e; --mid:#9a6a00; --cell:47,111,181; }
@media (prefers-color-scheme: dark) { :root { --ground:#131416; --panel:#1b1d20; --ink:#e8e8e4; --soft:#9aa0a8;
  --line:#2e3136; --bar:#6ba6e6; --track:#26292e; --good:#62c08a; --bad:#f2857c; --mid:#d9a94a; --cell:107,166,230; } }
:root[data-theme=light] { color-scheme: light; --ground:#fbfbf9; --panel:#ffffff; --ink:#1c1d1f; --soft:#5d6168;
  --line:#e3e3de; --bar:#2f6fb5; --track:#ecece7; --good:#2c7a4b; --bad:#b3261e; --mid:#9a6a00; --cell:47,111,181; }
:root[data-theme=dark] { color-scheme: dark; --ground:#131416; --panel:#1b1d20; --ink:#e8e8e4; --soft:#9aa0a8;
  --line:#2e3136; --bar:#6ba6e6; --track:#26292e; --good:#62c08a; --bad:#f2857c; --mid:#d9a94a; --cell:107,166,230; }
* { box-sizing: border-box; }
body { margin:0; background:var(--ground); color:var(--ink);
  font:15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width:1120px; margin:0 auto; padding:40px 24px 80px; }
h1 { font-size:26px; line-height:1.2; margin:0 0 6px; letter-spacing:-.01em; text-wrap:balance; }
h2 { font-size:17px; margin:44px 0 4px; } h3 { font-size:14px; margin:0 0 10px; }
p { max-width:76ch; margin:0 0 14px; color:var(--soft); }
.tiles { display:grid; grid-template-columns:repeat(auto-fit, minmax(150px, 1fr)); gap:1px; background:var(--line);
  border:1px solid var(--line); border-radius:8px; overflow:hidden; margin:24px 0 8px; }
.tile { background:var(--panel); padding:14px 16px; } .tile b { display:block; font-size:24px; line-height:1.2;
  font-variant-numeric:tabular-nums; font-weight:600; } .tile span { color:var(--soft); font-size:13px; }
.good b { color:var(--good); } .bad b { color:var(--bad); }
.grid { display:grid; grid-template-columns:repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap:18px;
  align-items:start; }
.panel { background:var(--panel); border:1px solid var(--line); border-radius:8px; padding:16px 18px; min-width:0; }
.wide { overflow-x:auto; }
svg { display:block; width:100%; height:auto; } svg text { fill:var(--ink); font:13px system-ui, sans-serif; }
svg .soft { fill:var(--soft); font-size:12px; } svg .num { font-variant-numeric:tabular-nums; }
table { border-collapse:collapse; width:100%; font-size:13px; } th, td { text-align:left; padding:6px 10px 6px 0;
  border-bottom:1px solid var(--line); vertical-align:top; } th { color:var(--soft); font-weight:500; }
code { font:12px ui-monospace, monospace; overflow-wrap:anywhere; }
"""


def page(shown: Figures) -> str:
    """Give the whole page."""
    body = "".join(
        (
            _head(shown),
            _fatal(shown),
            _headline(shown),
            _decisions(shown),
            _removed(shown),
            _strata(shown),
            _matrix(shown),
            _lost(shown),
            _guards(shown),
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>pipetriage lab report</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _tile(value: str, label: str, tone: str = "") -> str:
    return f'<div class="tile {tone}"><b>{escape(value)}</b><span>{escape(label)}</span></div>'


def _percent(one: Coverage) -> str:
    return "–" if one.share is None else f"{one.share:.1%}"


def _head(shown: Figures) -> str:
    stamped, unstamped = shown.headline[2], shown.headline[3]
    bad, apart, broken = len(shown.fatal), len(shown.disagreements), len(shown.errors)
    tiles = "".join(
        (
            _tile(f"{shown.seeds:,}", "pipelines run, broken, triaged and rerun"),
            _tile(f"{shown.verdicts:,}", "verdicts scored, with signals taken away too"),
            _tile(str(bad), "fatal misses", "bad" if bad else "good"),
            _tile(str(apart), "live and bundle disagree", "bad" if apart else "good"),
            _tile(_percent(stamped), "of harmless reruns called SAFE, all signals, run property"),
            _tile(_percent(unstamped), "the same with no run property in the commits"),
            _tile(f"{shown.seconds:.2f} s", f"a seed on average, {shown.slowest:.1f} s at most"),
        )
        + ((_tile(str(broken), "seeds the lab itself failed on", "bad"),) if broken else ())
    )
    shares = ", ".join(f"{share:.0%} have {name}" for name, share in shown.shares.items())
    return (
        "<h1>Is it safe to rerun? Each verdict, checked by rerunning.</h1>"
        "<p>Every seed builds a real lake, runs a pipeline until it fails, triages what is left, and then runs the "
        "failed batch again, unchanged. The tables are compared with those that one clean run of every batch gives. "
        f"Of the seeds {escape(shares)}.</p>"
        f'<div class="tiles">{tiles}</div>'
    )


def _fatal(shown: Figures) -> str:
    rows = "".join(
        f"<tr><td>{one['seed']}</td><td>{escape(one['what'])}"
        + (f"<br>without {escape(', '.join(one['without']))}" if one["without"] else "")
        + f"</td><td>{escape(one['facets']['mode'])}</td><td>{escape(one['facets']['fault'])}</td></tr>"
        for one in shown.fatal
    )
    apart = "".join(
        f"<tr><td>{one['seed']}</td><td><code>{escape('; '.join(one['disagreement'])[:400])}</code></td>"
        f"<td>{escape(one['facets']['mode'])}</td><td>{escape(one['facets']['fault'])}</td></tr>"
        for one in shown.disagreements
    )
    text = (
        "<h2>Fatal misses</h2><p>A rerun called SAFE, or allowed without a person, that left wrong tables; also with "
        "any one signal, or a random pair, taken away.</p>"
    )
    if shown.blind:
        text += (
            f"<p>Counted apart: {len(shown.blind)} seeds in which the input vanished and no source is declared, "
            f"so that nothing could show it ({', '.join(str(seed) for seed in shown.blind[:20])}).</p>"
        )
    if not rows and not apart:
        return text + '<div class="panel">None.</div>'
    head = "<tr><th>seed</th><th>what</th><th>mode</th><th>fault</th></tr>"
    return text + f'<div class="panel wide"><table>{head}{rows}{apart}</table></div>'


def _headline(shown: Figures) -> str:
    return (
        "<h2>Coverage</h2><p>Of the reruns measured to be harmless, how many were called SAFE. The rest is lost "
        "coverage, never a danger. Reruns harmless only by luck are left out.</p>"
        f'<div class="panel">{bars(shown.headline, "coverage with all signals seen")}</div>'
    )


def _decisions(shown: Figures) -> str:
    luck = sum(shown.luck.values())
    return (
        "<h2>What was said, and what was true</h2>"
        f"<p>{luck} reruns were harmless only by luck: there was nothing to read, the job skipped what it thought "
        "done, an earlier staged write was published, or another attempt still ran.</p>"
        f'<div class="panel">{stacked(shown.decisions)}</div>'
    )


def _removed(shown: Figures) -> str:
    return (
        "<h2>How coverage falls as signals go missing</h2><p>Reruns called SAFE with everything seen: how many still "
        "are once one signal is taken out of the captured bundle.</p>"
        f'<div class="panel">{bars(shown.removed, "coverage without each signal", of="was safe")}</div>'
    )


def _strata(shown: Figures) -> str:
    panels = "".join(
        f'<div class="panel"><h3>By {escape(name)}</h3>{bars(groups[:40], f"coverage by {name}")}</div>'
        for name, groups in shown.strata.items()
    )
    return f'<h2>By stratum</h2><p>SAFE among harmless, and the number of seeds.</p><div class="grid">{panels}</div>'


def _matrix(shown: Figures) -> str:
    return (
        "<h2>Every fault in every mode</h2><p>Seeds that exercised each combination; "
        f"{len(shown.not_exercised)} possible ones were not. Empty cells do not exist: only several commits have a "
        "between, only plain folders are published by halves, only Iceberg's commits lose their answer or conflict "
        "here.</p>"
        f'<div class="panel wide">{matrix(shown.faults, shown.modes, shown.matrix, set(shown.impossible))}</div>'
    )


def _lost(shown: Figures) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(rule)}</code></td><td>{count}</td><td>{alone}</td>"
        f"<td>{escape(', '.join(str(seed) for seed in shown.example_seeds.get(rule, ())))}</td></tr>"
        for rule, count, alone in shown.lost_rules
    )
    head = "<tr><th>rule</th><th>harmless reruns it held back</th><th>it alone</th><th>seeds, for example</th></tr>"
    return f'<h2>Lost coverage, by rule</h2><div class="panel wide"><table>{head}{rows}</table></div>'


def _guards(shown: Figures) -> str:
    rows = "".join(f"<tr><td><code>{escape(rule)}</code></td><td>{count}</td></tr>" for rule, count in shown.guards)
    head = "<tr><th>rule</th><th>seeds in which it alone held a harmful rerun back</th></tr>"
    return (
        "<h2>What each rule held back</h2><p>Without the rule, each of these would have been a fatal miss. A rule "
        f'that is not listed is never the only one.</p><div class="panel wide"><table>{head}{rows}</table></div>'
    )
