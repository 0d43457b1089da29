"""How a report looks: on a phone, on a screen by day and by night, on paper."""

STYLE = """\
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6876; --paper: #ffffff; --card: #f4f6f8; --line: #d9dee5;
  --good: #17713a; --good-card: #e7f5ec; --bad: #a3261f; --bad-card: #fdecea; --mark: #fff4d6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e7ed; --soft: #9aa5b4; --paper: #14181e; --card: #1e242c; --line: #333b46;
    --good: #6fd397; --good-card: #14291d; --bad: #ff9a91; --bad-card: #331a18; --mark: #3a3116; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.45;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-size: 16px; }
article { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem 2.5rem; }
h1 { font-size: 1.5rem; margin: 0.4rem 0 0.8rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid var(--line); }
p, ul { margin: 0.5rem 0; overflow-wrap: anywhere; }
ul { padding-left: 1.3rem; }
.lead { font-size: 1.1rem; padding: 0.7rem 0.9rem; border-radius: 0.5rem; background: var(--card); }
.lead.good { background: var(--good-card); color: var(--good); }
.lead.bad { background: var(--bad-card); color: var(--bad); }
p.bad, ul.bad { color: var(--bad); }
p.note, figcaption { color: var(--soft); font-size: 0.9rem; }
.numbers { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 0.8rem 0; }
.numbers div { flex: 1 1 6rem; background: var(--card); border-radius: 0.5rem; padding: 0.5rem 0.8rem; }
.numbers b { display: block; font-size: 1.4rem; }
.numbers span { color: var(--soft); font-size: 0.9rem; }
table { border-collapse: collapse; margin: 0.7rem 0; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
th.number, td.number { text-align: right; white-space: nowrap; }
.table { overflow-x: auto; }
td.long { overflow-wrap: anywhere; min-width: 9rem; }
tr.marked td { background: var(--mark); }
.drawings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0.6rem 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; max-width: 30rem; display: block; }
@media (max-width: 40rem) {
  article { padding: 0.6rem 0.8rem 2rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { background: var(--card); border-radius: 0.5rem; padding: 0.4rem 0.7rem; margin: 0.5rem 0; }
  tr.marked { background: var(--mark); }
  td, td.number { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: 0.12rem 0;
    text-align: right; white-space: normal; }
  h1 { font-size: 1.25rem; }
  .numbers { display: grid; grid-template-columns: 1fr 1fr; }
  td::before { content: attr(data-name); color: var(--soft); text-align: left; flex: none; font-weight: 400; }
  td.long { min-width: 0; }
  td:first-child { font-weight: 600; }
  td.unknown { display: none; }
  td.prose, td.prose.long { display: block; text-align: left; }
  td.prose::before { display: block; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --card: #fff; --line: #aaa; --good: #000;
    --good-card: #fff; --bad: #000; --bad-card: #fff; --mark: #eee; }
  html { font-size: 12px; }
  body { font-size: 9pt; }
  article { max-width: none; padding: 0; break-after: page; }
  article:last-child { break-after: auto; }
  .lead, .numbers div { border: 1px solid var(--line); }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  .table { overflow-x: visible; }
  .drawings { grid-template-columns: 1fr 1fr; }
}
"""
