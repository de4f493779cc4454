"""The status page's style sheet: light and dark, from a phone to a wall."""

from __future__ import annotations

# Blue-green and vermilion differ for every kind of colour blindness, and each has its symbol too.
STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --quiet: #5b636d; --line: #d8dee4;
  --card: #f6f8fa; --well: #00715a; --waiting: #0b63b8; --part: #8a5a00; --bad: #c2330c; }
@media (prefers-color-scheme: dark) { :root { --back: #12161b; --text: #e3e8ee; --quiet: #98a2ae;
  --line: #333b45; --card: #1a2028; --well: #2fc5a0; --waiting: #62b0ff; --part: #e8b04a;
  --bad: #ff8159; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
header, section { margin-bottom: 1.4rem; }
h1 { font-size: 1.25rem; margin: 0 0 .3rem; } h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
h3 { font-size: 1rem; margin: 0; } p { margin: .15rem 0; }
h3, p, li { overflow-wrap: anywhere; } td { overflow-wrap: break-word; }
time { white-space: nowrap; }
.quiet, .quiet time, th { color: var(--quiet); font-weight: normal; }
.well > .sign { color: var(--well); } .waiting > .sign { color: var(--waiting); }
.part > .sign { color: var(--part); } .bad > .sign { color: var(--bad); }
.line { position: relative; padding-left: 1.25em; }
.sign { position: absolute; left: 0; font-weight: bold; }
.state { font-weight: 600; } .well > .state { color: var(--well); }
.waiting > .state { color: var(--waiting); } .part > .state { color: var(--part); }
.bad > .state { color: var(--bad); }
.box { border: 1px solid var(--line); border-left: .3rem solid var(--line); border-radius: .4rem;
  padding: .5rem .8rem; background: var(--card); }
.box.well { border-left-color: var(--well); } .box.waiting { border-left-color: var(--waiting); }
.box.part { border-left-color: var(--part); } .box.bad { border-left-color: var(--bad); }
header .box { margin: .5rem 0; } header .line > .state { font-size: 1.1rem; }
header .line > .sign { font-size: 1.1rem; } .short .quiet { font-size: .93em; }
.short { display: flex; gap: .2rem .5rem; align-items: baseline; flex-wrap: wrap;
  justify-content: space-between; }
ul { list-style: none; margin: 0; padding: 0; } ul ul { padding-left: 1.25em; }
.grid { display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }
.grid + .grid { margin-top: .6rem; }
.trouble { grid-template-columns: repeat(auto-fill, minmax(min(26rem, 100%), 1fr)); }
.columns { display: grid; gap: 0 2.5rem; grid-template-columns: repeat(auto-fit,
  minmax(min(26rem, 100%), 1fr)); align-items: start; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""
