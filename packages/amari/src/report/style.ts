/** The style sheet of the report: text in one column, light or dark as the reader's system asks. */
export const styleSheet = `
:root { --text: #1d2330; --soft: #5a6475; --paper: #fdfdfb; --panel: #fff; --rule: #e3e5ea; --accent: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ec; --soft: #9aa4b5; --paper: #14171d; --panel: #1b1f27; --rule: #2d333e; --accent: #56b4e9; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.6 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.01em; }
h2 { font-size: 1.35rem; margin: 52px 0 10px; padding-top: 18px; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 26px 0 6px; }
p, ul { max-width: 76ch; margin: 8px 0 14px; }
li { margin: 5px 0; }
.lead { font-size: 1.08rem; color: var(--soft); }
.pair, .four { margin: 12px 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(500px, 100%), 1fr)); gap: 22px; }
.four { display: grid; grid-template-columns: repeat(auto-fit, minmax(240px, 1fr)); gap: 14px; }
figure { margin: 0; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px 8px; min-width: 0; }
figcaption { font-size: 0.9rem; font-weight: 600; margin-bottom: 4px; }
figcaption small { display: block; font-weight: 400; color: var(--soft); font-size: 0.85rem; }
.four figure { display: flex; flex-direction: column; }
.four svg { margin-top: auto; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0; padding: 0; list-style: none; font-size: 0.9rem; max-width: none; }
.legend li { margin: 0; display: flex; align-items: center; gap: 7px; }
.legend i { width: 18px; height: 4px; border-radius: 2px; display: inline-block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; margin: 10px 0 4px; min-width: 60%; }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--rule); padding: 5px 0 5px 22px; vertical-align: bottom; }
td { text-align: right; padding: 5px 0 5px 22px; border-bottom: 1px solid var(--rule); white-space: nowrap; }
.text th, .text td, .plain th, .plain td, .name { text-align: left; }
.text td { white-space: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
@media (max-width: 600px) {
  main { padding: 22px 14px 50px; }
  h1 { font-size: 1.6rem; }
  ul { padding-left: 1.2em; }
  figure { padding: 12px 10px 8px; }
  /* Charts are drawn for nearly twice the width. */
  figure svg text { font-size: 17px; }
  .four { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  td:first-child { white-space: normal; min-width: 7em; }
  th, td { padding-left: 12px; }
}
.note { color: var(--soft); font-size: 0.88rem; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: 1px 5px; }
`;
