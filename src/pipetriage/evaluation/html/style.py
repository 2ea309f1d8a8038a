"""The page's style sheet."""

from collections.abc import Iterable

_STYLE = """
:root { color-scheme: light dark; --ground:#fafaf8; --panel:#ffffff; --ink:#1b1d20; --soft:#5c6168; --line:#e2e2dc;
  --bar:#2f6fb5; --second:#8a6fb8; --track:#f1f1ec; --good:#25744a; --bad:#b3261e; --cell-right:47,111,181;
  --cell-wrong:190,52,40; }
@media (prefers-color-scheme: dark) { :root { --ground:#131416; --panel:#1b1d20; --ink:#e9e9e5; --soft:#9ba1a9;
  --line:#303338; --bar:#6ba6e6; --second:#b59be0; --track:#25282c; --good:#62c08a; --bad:#f38b81;
  --cell-right:90,150,220; --cell-wrong:230,90,76; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif; }
main { max-width:1180px; margin:0 auto; padding:36px 24px 72px; }
h1 { font-size:26px; line-height:1.25; margin:0 0 4px; letter-spacing:-.01em; }
h2 { font-size:18px; margin:40px 0 6px; } h3 { font-size:14px; margin:0 0 10px; }
p { max-width:78ch; margin:0 0 12px; color:var(--soft); }
.tiles { display:grid; grid-template-columns:repeat(4,minmax(0,1fr)); gap:12px; margin:22px 0 8px; }
.tile { background:var(--panel); border:1px solid var(--line); border-radius:8px; padding:14px 16px; }
.tile b { display:block; font-size:26px; line-height:1.2; font-weight:600; font-variant-numeric:tabular-nums; }
.tile span { display:block; font-size:13px; } .tile small { color:var(--soft); font-size:12.5px; display:block; }
.good b { color:var(--good); } .bad b { color:var(--bad); }
.grid { display:grid; grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr)); gap:16px; align-items:start; }
.panel { background:var(--panel); border:1px solid var(--line); border-radius:8px; padding:16px 18px; min-width:0; }
.panel p { font-size:13px; margin:10px 0 0; }
.full { grid-column:1 / -1; }
section.alarm { margin-top:16px; border-left:4px solid var(--bad); } .alarm h2, .alarm h3 { margin-top:0; }
.scroll { overflow-x:auto; }
svg { display:block; max-width:100%; height:auto; } svg text { fill:var(--ink); font:13px system-ui,sans-serif; }
svg .soft { fill:var(--soft); font-size:12px; } svg .num { font-variant-numeric:tabular-nums; }
svg.strip { width:120px; height:14px; }
.key { display:inline-block; width:10px; height:10px; border-radius:2px; margin:0 5px 0 12px; }
table { border-collapse:collapse; width:100%; font-size:13.5px; } th { color:var(--soft); font-weight:500; }
th, td { text-align:left; padding:7px 14px 7px 0; border-bottom:1px solid var(--line); vertical-align:top; }
td.num, th.num { font-variant-numeric:tabular-nums; white-space:nowrap; } td small { color:var(--soft); }
code { font:12.5px ui-monospace,SFMono-Regular,Menlo,monospace; overflow-wrap:anywhere; }
ul { margin:0; padding-left:18px; } li { margin:4px 0; overflow-wrap:anywhere; }
.no { color:var(--bad); } .yes { color:var(--good); }
.filter > input { position:absolute; opacity:0; pointer-events:none; }
.filter > label { display:inline-block; padding:4px 11px; margin:0 4px 6px 0; border:1px solid var(--line);
  border-radius:99px; background:var(--panel); font-size:13px; cursor:pointer; }
.filter > input:checked + label { background:var(--ink); color:var(--ground); border-color:var(--ink); }
.filter > input:focus-visible + label { outline:2px solid var(--bar); outline-offset:2px; }
.filter > span { color:var(--soft); font-size:13px; margin-right:8px; }
.cases { margin-top:10px; }
.case { background:var(--panel); border:1px solid var(--line); border-radius:8px; padding:12px 16px; margin:0 0 8px; }
.case.fatal { border-left:4px solid var(--bad); }
.case header { display:flex; flex-wrap:wrap; gap:4px 10px; align-items:baseline; }
.case dl { display:grid; grid-template-columns:64px minmax(0,1fr); gap:2px 12px; margin:8px 0 0; font-size:13.5px; }
.case dt { color:var(--soft); } .case dd { margin:0; overflow-wrap:anywhere; }
.badge { font-size:12px; padding:0 8px; border-radius:99px; border:1px solid currentColor; color:var(--soft); }
.badge.no { color:var(--bad); }
.small { color:var(--soft); font-size:12.5px; margin-left:auto; }
@media (max-width:860px) { .tiles { grid-template-columns:repeat(2,minmax(0,1fr)); } }
@media (max-width:640px) { main { padding:22px 14px 48px; } h1 { font-size:22px; } .tiles { gap:8px; }
  .tile { padding:10px 12px; } .tile b { font-size:21px; }
  .panel { padding:12px; } .small { margin-left:0; } .measures thead { display:none; } .measures tr, .measures td {
  display:block; } .measures tr { padding:8px 0; border-bottom:1px solid var(--line); } .measures td { border:0;
  padding:1px 0; white-space:normal; } .measures td[data-of] br { display:none; }
  .measures td[data-of]::before { content:attr(data-of) " "; color:var(--soft); } }
@media print { .filter > input, .filter > label, .filter > span { display:none; } .case { break-inside:avoid; } }
"""


def style_sheet(filters: Iterable[tuple[str, str]]) -> str:
    """Give the style sheet, with one rule a filter: while ``#id`` is checked, cases without the class are hidden."""
    rules = "".join(f"#{name}:checked ~ .cases .case:not(.{kept}) {{ display:none; }}\n" for name, kept in filters)
    return _STYLE + rules
