
/* made by status-page of status.html: change that */

#ifndef _NGX_AGENT_STATUS_PAGE_H_INCLUDED_
#define _NGX_AGENT_STATUS_PAGE_H_INCLUDED_


#include <ngx_config.h>


#define NGX_AGENT_STATUS_POLICY \
    "default-src 'none'; " \
    "connect-src 'self'; " \
    "style-src 'sha256-c0xvjrOkYaGlhriEjrRL0h8rX/Qm3ZgP9FIbq1D6BxU='; " \
    "script-src 'sha256-K+ON/j4/dXiLIrN17FpDfpgZ4oD1iYpqg3MQPhamlaA='; " \
    "base-uri 'none'; " \
    "form-action 'none'; " \
    "frame-ancestors 'none'"

#define NGX_AGENT_STATUS_PAGE \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">" \
    "\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=" \
    "1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>Agen" \
    "t auth</title>\n<style>\n:root {\n--back: #f5f6f8; --card: #ffffff; --" \
    "line: #d9dde3; --text: #16202c;\n--soft: #55616f; --track: #e3e7ec; --" \
    "allow: #0b64a8; --deny: #b3401b;\n--would: #7d5a00; --none: #66717d; -" \
    "-good: #17694a; --bad: #a8261c;\n--warn: #7d5a00; --bad-back: #fdebe9;" \
    " --warn-back: #fdf4dc;\n}\n@media (prefers-color-scheme: dark) {\n:roo" \
    "t {\n--back: #10151b; --card: #182029; --line: #2c3743; --text: #e6ebf" \
    "0;\n--soft: #a3afbb; --track: #2a3540; --allow: #63b4f4; --deny: #ff9b" \
    "70;\n--would: #e9bf5a; --none: #98a4b0; --good: #6fd0a5; --bad: #ff938" \
    "a;\n--warn: #e9bf5a; --bad-back: #3a1f1e; --warn-back: #352b14;\n}\n}" \
    "\n* { box-sizing: border-box; }\nbody {\nmargin: 0; background: var(--" \
    "back); color: var(--text);\nfont: 14px/1.45 system-ui, -apple-system, " \
    "\"Segoe UI\", \"Noto Sans\",\n\"DejaVu Sans\", sans-serif;\nfont-varia" \
    "nt-numeric: tabular-nums;\n}\nheader, main { max-width: 1500px; margin" \
    ": 0 auto; padding: 0 16px; }\nheader {\ndisplay: flex; flex-wrap: wrap" \
    "; align-items: center; gap: 4px 16px;\npadding-top: 14px; padding-bott" \
    "om: 10px;\n}\nh1 { font-size: 17px; margin: 0; font-weight: 650; }\nh2" \
    " { font-size: 13px; margin: 0 0 10px; font-weight: 650; color: var(--s" \
    "oft);\nletter-spacing: .02em; }\nheader p { margin: 0; color: var(--so" \
    "ft); }\nheader .right { margin-left: auto; }\nbutton {\nfont: inherit;" \
    " color: inherit; background: var(--card); cursor: pointer;\nborder: 1p" \
    "x solid var(--line); border-radius: 6px; padding: 3px 12px;\nmin-heigh" \
    "t: 32px;\n}\nbutton:focus-visible { outline: 2px solid var(--allow); o" \
    "utline-offset: 2px; }\n.pill { font-weight: 650; padding: 2px 10px; bo" \
    "rder-radius: 12px;\nborder: 1px solid currentColor; }\n.good { color: " \
    "var(--good); } .bad { color: var(--bad); }\n.warn { color: var(--warn)" \
    "; } .soft { color: var(--soft); }\nmain { display: grid; gap: 12px; gr" \
    "id-template-columns: repeat(12, 1fr);\npadding-bottom: 24px; }\nsectio" \
    "n { background: var(--card); border: 1px solid var(--line);\nborder-ra" \
    "dius: 8px; padding: 12px 14px; grid-column: span 12;\nmin-width: 0; }" \
    "\n@media (min-width: 900px) {\n.w4 { grid-column: span 4; } .w5 { grid" \
    "-column: span 5; }\n.w6 { grid-column: span 6; } .w7 { grid-column: sp" \
    "an 7; }\n.w8 { grid-column: span 8; }\n}\n#tiles { display: grid; gap:" \
    " 12px; grid-column: span 12;\ngrid-template-columns: repeat(auto-fit, " \
    "minmax(148px, 1fr));\nmargin: 0; }\n#tiles > div { background: var(--c" \
    "ard); border: 1px solid var(--line);\nborder-radius: 8px; padding: 10p" \
    "x 14px; min-width: 0; }\n#tiles dt { color: var(--soft); font-size: 12" \
    "px; }\n#tiles dd { margin: 0; font-size: 24px; line-height: 1.25; font" \
    "-weight: 600; }\n#tiles dd small { display: block; font-size: 12px; fo" \
    "nt-weight: 400;\ncolor: var(--soft); }\n.scroll { overflow-x: auto; }" \
    "\ntable { border-collapse: collapse; width: 100%; }\ncaption { positio" \
    "n: absolute; width: 1px; height: 1px; overflow: hidden;\nclip-path: in" \
    "set(50%); white-space: nowrap; }\nth, td { text-align: right; padding:" \
    " 4px 0 4px 14px; white-space: nowrap;\nborder-top: 1px solid var(--lin" \
    "e); vertical-align: middle; }\nthead th { border-top: 0; color: var(--" \
    "soft); font-weight: 500;\nfont-size: 12px; }\nth:first-child, td:first" \
    "-child { text-align: left; padding-left: 0; }\ntbody th { font-weight:" \
    " 500; max-width: 30ch; overflow: hidden;\ntext-overflow: ellipsis; }\n" \
    "#locations tbody th { max-width: 24ch; line-height: 1.3; }\n#locations" \
    " small { display: block; font-weight: 400; color: var(--soft);\noverfl" \
    "ow: hidden; text-overflow: ellipsis; }\n#locations th, #locations td {" \
    " padding-left: 10px; }\n#locations th:first-child { padding-left: 0; }" \
    "\ntd.left, th.left { text-align: left; }\n.bar { display: block; heigh" \
    "t: 8px; border-radius: 4px; overflow: hidden;\nbackground: var(--track" \
    "); min-width: 56px; }\n.bar i { display: block; height: 100%; backgrou" \
    "nd: var(--allow);\nfloat: left; }\n.bar i.key { background: repeating-" \
    "linear-gradient(135deg, var(--deny) 0 4px,\ntransparent 4px 6px); }\n." \
    "bar i.bad { background: var(--bad); } .bar i.warn { background: var(--" \
    "warn); }\n.fill { display: grid; grid-template-columns: minmax(0, 1fr)" \
    " auto;\ngap: 2px 12px; margin: 0 0 10px; }\n.fill .bar { grid-column: " \
    "span 2; }\n.fill span:nth-child(2) { color: var(--soft); }\n#advice ul" \
    " { list-style: none; margin: 0; padding: 0; }\n#advice li { padding: 7" \
    "px 12px; border-radius: 6px; margin-top: 6px;\nborder-left: 4px solid;" \
    " overflow-wrap: anywhere; }\n#advice li:first-child { margin-top: 0; }" \
    "\n#advice li.critical { background: var(--bad-back); border-color: var" \
    "(--bad); }\n#advice li.warning { background: var(--warn-back);\nborder" \
    "-color: var(--warn); }\n#advice b { margin-right: 2px; }\nsvg { displa" \
    "y: block; width: 100%; overflow: visible; }\n#graph > svg { height: 19" \
    "0px; }\nsvg text { fill: var(--soft); font-size: 11px; }\n.grid { stro" \
    "ke: var(--line); stroke-width: 1; }\n.series { fill: none; stroke-widt" \
    "h: 2; vector-effect: non-scaling-stroke;\nstroke-linejoin: round; }\n." \
    "allow { stroke: var(--allow); } .deny { stroke: var(--deny); }\n.would" \
    "_deny { stroke: var(--would); stroke-dasharray: 7 4; }\n.none { stroke" \
    ": var(--none); stroke-dasharray: 2 4; }\n.deny.series { stroke-dasharr" \
    "ay: 10 2; }\n.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; " \
    "margin: 8px 0 0;\npadding: 0; list-style: none; }\n.legend svg { displ" \
    "ay: inline-block; width: 26px; height: 10px;\nmargin-right: 6px; verti" \
    "cal-align: baseline; }\ntd svg { width: 96px; height: 20px; display: i" \
    "nline-block;\nvertical-align: middle; }\nfooter { grid-column: span 12" \
    "; color: var(--soft); font-size: 12px; }\n.stale main { opacity: .55; " \
    "}\n@media (max-width: 520px) {\nheader, main { padding-left: 10px; pad" \
    "ding-right: 10px; }\n#tiles { grid-template-columns: 1fr 1fr; gap: 8px" \
    "; }\nmain { gap: 8px; }\n}\n@media (min-width: 1900px) {\nbody { font-" \
    "size: 17px; } #tiles dd { font-size: 34px; }\nheader, main { max-width" \
    ": none; } #graph > svg { height: 260px; }\nh2 { font-size: 15px; }\n}" \
    "\n</style>\n</head>\n<body>\n<header>\n<h1>Agent auth</h1>\n<span id=" \
    "\"health\" class=\"pill soft\" role=\"status\">no data yet</span>\n<p " \
    "id=\"when\">waiting for the first answer</p>\n<p class=\"right\" id=\"" \
    "about\"></p>\n<button id=\"pause\" type=\"button\" aria-pressed=\"fals" \
    "e\">Pause</button>\n</header>\n<main>\n<noscript><section>This page ne" \
    "eds JavaScript. The same numbers are at\n<a href=\"?format=json\">?for" \
    "mat=json</a>.</section></noscript>\n<section id=\"advice\" hidden><h2>" \
    "What to do</h2><ul></ul></section>\n<dl id=\"tiles\"></dl>\n<section i" \
    "d=\"graph\" class=\"w7\"><h2>Decisions a second</h2>\n<svg role=\"img" \
    "\" aria-label=\"Decisions a second\"></svg>\n<ul class=\"legend\"></ul" \
    "></section>\n<section id=\"locations\" class=\"w5\"><h2>From keys to t" \
    "okens</h2>\n<div class=\"body\"></div></section>\n<section id=\"reason" \
    "s\" class=\"w7\"><h2>Decisions by reason</h2>\n<div class=\"scroll\"><" \
    "/div></section>\n<section id=\"zones\" class=\"w5\"><h2>Zones</h2><div" \
    " class=\"body\"></div></section>\n<section id=\"providers\" hidden><h2" \
    ">Authorization servers</h2>\n<div class=\"scroll\"></div></section>\n<" \
    "section id=\"keys\" class=\"w8\" hidden><h2>Keys</h2>\n<div class=\"sc" \
    "roll\"></div></section>\n<section id=\"audit\" class=\"w4\" hidden><h2" \
    ">Audit</h2>\n<div class=\"scroll\"></div></section>\n<footer id=\"foot" \
    "\"></footer>\n</main>\n<script>\n'use strict';\n(function () {\nconst " \
    "EVERY = 2000, POINTS = 150, SPARK = 48;\nconst RESULTS = ['allow', 'de" \
    "ny', 'would_deny', 'none'];\nconst WORDS = { allow: 'allowed', deny: '" \
    "denied',\nwould_deny: 'would be denied', none: 'not judged' };\nconst " \
    "$ = function (id) { return document.getElementById(id); };\nconst svgn" \
    "s = 'http://www.w3.org/2000/svg';\nlet last = null, series = [], byRea" \
    "son = new Map(), paused = false;\nlet failed = 0, timer = 0, answered " \
    "= null;\nfunction el(name, attributes) {\nconst e = document.createEle" \
    "ment(name);\nfill(e, attributes, [].slice.call(arguments, 2));\nreturn" \
    " e;\n}\nfunction svg(name, attributes) {\nconst e = document.createEle" \
    "mentNS(svgns, name);\nfill(e, attributes, [].slice.call(arguments, 2))" \
    ";\nreturn e;\n}\nfunction fill(e, attributes, children) {\nfor (const " \
    "key in attributes || {}) {\ne.setAttribute(key, attributes[key]);\n}\n" \
    "e.append.apply(e, children);\n}\nfunction number(n) { return Math.roun" \
    "d(n).toLocaleString('en'); }\nfunction short(n) {\nif (n >= 9995e6) { " \
    "return (n / 1e9).toFixed(1) + ' G'; }\nif (n >= 9995e3) { return (n / " \
    "1e6).toFixed(1) + ' M'; }\nreturn number(n);\n}\nfunction rate(n) {\ni" \
    "f (n === null) { return '\342\200\223'; }\nreturn n === 0 ? '0' : n < " \
    "0.1 ? '<0.1' : n < 10 ? n.toFixed(1)\n: number(n);\n}\nfunction percen" \
    "t(part, whole) {\nif (!whole) { return '\342\200\223'; }\nconst p = 10" \
    "0 * part / whole;\nreturn (p > 0 && p < 0.1 ? '<0.1' : p < 100 && p > " \
    "99.9 ? '>99.9'\n: p.toFixed(p === 0 || p === 100 ? 0 : 1)) + ' %';\n}" \
    "\nfunction octets(n) {\nconst units = ['B', 'KiB', 'MiB', 'GiB'];\nlet" \
    " i = 0;\nwhile (n >= 1024 && i < 3) { n /= 1024; i++; }\nreturn (i && " \
    "n < 10 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];\n}\nfunction " \
    "age(s) {\nif (s === null || s === undefined) { return 'none yet'; }\ni" \
    "f (s < 120) { return s + ' s'; }\nif (s < 7200) { return Math.round(s " \
    "/ 60) + ' min'; }\nif (s < 172800) { return Math.round(s / 3600) + ' h" \
    "'; }\nreturn Math.round(s / 86400) + ' d';\n}\nfunction clock(text) { " \
    "return new Date(text).toLocaleString(); }\nfunction table(caption, hea" \
    "ds, rows) {\nconst head = el('tr'), body = el('tbody');\nheads.forEach" \
    "(function (h) {\nhead.append(el('th', { scope: 'col', 'class': h.left " \
    "? 'left' : '' },\nh.left || h));\n});\nrows.forEach(function (cells) {" \
    "\nconst row = el('tr');\ncells.forEach(function (c, i) {\nconst cell =" \
    " i === 0\n? el('th', { scope: 'row' }, c)\n: el('td', { 'class': heads" \
    "[i].left ? 'left' : '' });\nif (i) { cell.append(c); }\nrow.append(cel" \
    "l);\n});\nbody.append(row);\n});\nreturn el('table', {}, el('caption'," \
    " {}, caption),\nel('thead', {}, head), body);\n}\nfunction put(id, sel" \
    "ector, content) {\n$(id).hidden = false;\n$(id).querySelector(selector" \
    ").replaceChildren(content);\n}\nfunction bar(parts, label) {\nconst b " \
    "= el('span', { 'class': 'bar', role: 'img',\n'aria-label': label });\n" \
    "parts.forEach(function (p) {\nconst i = el('i', { 'class': p[1] });\ni" \
    ".style.width = Math.min(100, Math.max(0, 100 * p[0])) + '%';\nb.append" \
    "(i);\n});\nreturn b;\n}\nfunction filled(name, used, room, text) {\nco" \
    "nst share = room ? used / room : 0;\nreturn el('p', { 'class': 'fill' " \
    "}, el('span', {}, name),\nel('span', {}, text),\nbar([[share, share > " \
    ".9 ? 'bad' : share > .8 ? 'warn' : '']],\nname + ': ' + percent(used, " \
    "room) + ' used'));\n}\nfunction word(kind, sign, text) {\nreturn el('s" \
    "pan', { 'class': kind }, sign + ' ' + text);\n}\nfunction sum(list, f)" \
    " {\nreturn list.reduce(function (n, x) { return n + f(x); }, 0);\n}\nf" \
    "unction reasons(data) {\nconst map = new Map();\ndata.decisions.by.for" \
    "Each(function (d) {\nconst key = d.reason + ' ' + d.result;\nconst r =" \
    " map.get(key) || { reason: d.reason, result: d.result,\ncount: 0 };\nr" \
    ".count += d.count;\nmap.set(key, r);\n});\nreturn map;\n}\nfunction sa" \
    "mple(data) {\nconst now = performance.now();\nconst map = reasons(data" \
    ");\nif (last && (last.data.since !== data.since\n|| last.data.decision" \
    "s.total > data.decisions.total))\n{\nlast = null;\nseries = [];\nbyRea" \
    "son.clear();\n}\nif (last) {\nconst seconds = Math.max(.1, (now - last" \
    ".at) / 1000);\nconst point = { at: now };\nRESULTS.forEach(function (r" \
    ") {\npoint[r] = (data.decisions[r] - last.data.decisions[r]) / seconds" \
    ";\n});\nseries.push(point);\nseries = series.slice(-POINTS);\nmap.forE" \
    "ach(function (r, key) {\nconst before = last.map.get(key);\nconst list" \
    " = byReason.get(key) || [];\nlist.push((r.count - (before ? before.cou" \
    "nt : 0)) / seconds);\nbyReason.set(key, list.slice(-SPARK));\n});\n}\n" \
    "last = { data: data, at: now, map: map };\n}\nfunction points(list, ge" \
    "t, top, width, height, room) {\nreturn list.map(function (p, i) {\ncon" \
    "st x = width - (list.length - 1 - i) * width / (room - 1);\nreturn x.t" \
    "oFixed(1) + ',' + (height - get(p) / top * height).toFixed(1);\n}).joi" \
    "n(' ');\n}\nfunction nice(n) {\nconst unit = Math.pow(10, Math.floor(M" \
    "ath.log10(Math.max(n, 1))));\nreturn [1, 1.5, 2, 3, 5, 7.5, 10].find(f" \
    "unction (m) { return m * unit >= n; }) * unit;\n}\nfunction graph() {" \
    "\nconst s = $('graph').querySelector('svg');\nconst width = s.clientWi" \
    "dth || 600, height = (s.clientHeight || 190) - 18;\nconst now = series" \
    "[series.length - 1] || {};\nconst top = nice(Math.max.apply(null, [1]." \
    "concat(series.map(function (p) {\nreturn Math.max.apply(null, RESULTS." \
    "map(function (r) { return p[r]; }));\n}))));\nconst parts = [];\n[0, ." \
    "5, 1].forEach(function (f) {\nconst y = height - f * height + .5;\npar" \
    "ts.push(svg('line', { x1: 0, x2: width, y1: y, y2: y,\n'class': 'grid'" \
    " }));\nif (f) {\nparts.push(svg('text', { x: 2, y: y + 12 }, rate(top " \
    "* f)));\n}\n});\nparts.push(svg('text', { x: 2, y: height + 15 },\nMat" \
    "h.round(POINTS * EVERY / 60000) + ' minutes ago'));\nparts.push(svg('t" \
    "ext', { x: width - 2, y: height + 15,\n'text-anchor': 'end' }, 'now'))" \
    ";\nRESULTS.slice().reverse().forEach(function (r) {\nparts.push(svg('p" \
    "olyline', { 'class': 'series ' + r,\npoints: points(series, function (" \
    "p) { return p[r]; }, top, width,\nheight, POINTS) }));\n});\ns.setAttr" \
    "ibute('viewBox', '0 0 ' + width + ' ' + (height + 18));\ns.setAttribut" \
    "e('aria-label', 'Decisions a second now: '\n+ RESULTS.map(function (r)" \
    " {\nreturn WORDS[r] + ' ' + rate(now[r] === undefined ? null : now[r])" \
    ";\n}).join(', '));\ns.replaceChildren.apply(s, parts);\n$('graph').que" \
    "rySelector('ul').replaceChildren.apply(\n$('graph').querySelector('ul'" \
    "), RESULTS.map(function (r) {\nreturn el('li', {}, svg('svg', { viewBo" \
    "x: '0 0 26 10',\n'aria-hidden': 'true' }, svg('line', { x1: 0, x2: 26," \
    " y1: 6, y2: 6,\n'class': 'series ' + r })), WORDS[r] + ' '\n+ rate(now" \
    "[r] === undefined ? null : now[r]));\n}));\n}\nfunction spark(list, re" \
    "sult) {\nconst top = Math.max.apply(null, [.5].concat(list));\nreturn " \
    "svg('svg', { viewBox: '0 -1 96 22', 'aria-hidden': 'true' },\nsvg('pol" \
    "yline', { 'class': 'series ' + result,\npoints: points(list, function " \
    "(n) { return n; }, top, 96, 20,\nSPARK) }));\n}\nfunction showReasons(" \
    ") {\nconst total = last.data.decisions.total;\nconst list = Array.from" \
    "(last.map.entries()).sort(function (a, b) {\nreturn b[1].count - a[1]." \
    "count;\n});\nput('reasons', '.scroll', list.length ? table('Decisions " \
    "by reason',\n['reason', { left: 'result' }, 'count', 'share', 'now, a " \
    "second',\n'last minutes'],\nlist.map(function (e) {\nconst rates = byR" \
    "eason.get(e[0]) || [];\nreturn [e[1].reason, WORDS[e[1].result], numbe" \
    "r(e[1].count),\npercent(e[1].count, total),\nrate(rates.length ? rates" \
    "[rates.length - 1] : null),\nspark(rates, e[1].result)];\n})) : el('p'" \
    ", { 'class': 'soft' }, 'No request so far.'));\n}\nfunction tile(name," \
    " value, more, kind) {\nreturn el('div', {}, el('dt', {}, name),\nel('d" \
    "d', { 'class': kind || '' }, value, el('small', {}, more)));\n}\nfunct" \
    "ion hits(c) {\nconst found = c.hit + c.negative + c.stale;\nreturn { f" \
    "ound: found, all: found + c.miss + c.coalesced };\n}\nfunction tiles()" \
    " {\nconst d = last.data.decisions, data = last.data;\nconst now = seri" \
    "es[series.length - 1];\nconst judged = d.allow + d.deny + d.would_deny" \
    ";\nconst down = data.providers.filter(function (p) {\nreturn health(p)" \
    "[0] !== 'good';\n}).length;\nconst list = [\ntile('Requests a second'," \
    "\nrate(now ? sum(RESULTS, function (r) { return now[r]; }) : null),\ns" \
    "hort(d.total) + ' in all'),\ntile('Allowed', percent(d.allow, judged)," \
    " short(d.allow) + ' of '\n+ short(judged)),\ntile('Denied', short(d.de" \
    "ny), rate(now ? now.deny : null)\n+ ' a second'),\ntile('Would be deni" \
    "ed', short(d.would_deny),\ndata.observed_locations + ' of ' + data.gua" \
    "rded_locations\n+ ' locations observe')\n];\nif (data.providers.length" \
    ") {\nconst c = data.providers.map(function (p) { return hits(p.cache);" \
    " });\nconst all = sum(c, function (x) { return x.all; });\nlist.push(t" \
    "ile('Cache hits', percent(sum(c, function (x) {\nreturn x.found;\n}), " \
    "all), 'of ' + short(all) + ' tokens seen'));\nlist.push(tile('Servers " \
    "that answer', (data.providers.length - down)\n+ ' / ' + data.providers" \
    ".length, down ? 'see below' : 'all of them',\ndown ? 'bad' : ''));\n}" \
    "\nif (data.key_zones.length) {\nconst soon = sum(data.key_zones, funct" \
    "ion (z) {\nreturn z.expiring_7d || 0;\n});\nlist.push(tile('Keys that " \
    "expire', number(soon),\n'within 7 days, ' + number(sum(data.key_zones," \
    " function (z) {\nreturn z.expiring_30d || 0;\n})) + ' within 30', soon" \
    " ? 'warn' : ''));\n}\n$('tiles').replaceChildren.apply($('tiles'), lis" \
    "t);\n}\nfunction quantile(calls, q) {\nconst all = calls.within_ms[cal" \
    "ls.within_ms.length - 1].count;\nif (!all) { return '\342\200\223'; }" \
    "\nconst b = calls.within_ms.find(function (x) {\nreturn x.count >= q *" \
    " all;\n});\nreturn b.ms === null ? '> 10 s' : b.ms < 1000 ? '\342\211" \
    "\244 ' + b.ms + ' ms'\n: '\342\211\244 ' + b.ms / 1000 + ' s';\n}\nfun" \
    "ction documents(p) {\nreturn ['metadata', 'keys'].filter(function (n) " \
    "{ return p[n]; })\n.map(function (n) {\nreturn n + ': ' + age(p[n].age" \
    "_seconds)\n+ (p[n].failures ? ', ' + p[n].failures + ' failed' : '');" \
    "\n}).join(' \302\267 ') || '\342\200\223';\n}\nfunction health(p) {\nc" \
    "onst lacks = ['metadata', 'keys'].some(function (n) {\nreturn p[n] && " \
    "!p[n].present && p[n].failures;\n});\nreturn p.breaker === 'open' ? ['" \
    "bad', '\342\234\225', 'not asked']\n: p.breaker === 'half_open' ? ['wa" \
    "rn', '\342\226\262', 'being tried']\n: lacks ? ['bad', '\342\234\225'," \
    " 'not found'] : ['good', '\342\227\217', 'answers'];\n}\nfunction prov" \
    "iders() {\nif (!last.data.providers.length) { $('providers').hidden = " \
    "true; return; }\nput('providers', '.scroll', table('Authorization serv" \
    "ers',\n['server', { left: 'state' }, 'under way', 'cache hits', 'calls" \
    "',\n'failed', 'half within', '95 % within', { left: 'fetched' }],\nlas" \
    "t.data.providers.map(function (p) {\nconst h = hits(p.cache), i = p.in" \
    "trospection, s = health(p);\nconst bad = i.unavailable + i.timeout + i" \
    ".refused_client\n+ i.bad_answer;\nreturn [p.name, word(s[0], s[1], s[2" \
    "] + (p.retry_seconds\n? ', ' + p.retry_seconds + ' s' : '')),\np.pendi" \
    "ng + ' / ' + p.max_pending, percent(h.found, h.all),\nnumber(bad + i.a" \
    "ctive + i.refused),\nbad ? word('bad', '\342\234\225', number(bad)) : " \
    "'0',\nquantile(i, .5), quantile(i, .95), documents(p)];\n})));\n}\nfun" \
    "ction zones() {\nconst box = el('div'), t = last.data.token_cache;\nco" \
    "nst p = last.data.dpop_cache;\nlast.data.key_zones.forEach(function (z" \
    ") {\nbox.append(filled('Keys, ' + z.name, z.octets, z.room,\noctets(z." \
    "octets) + ' of ' + octets(z.room)));\n});\nif (t) {\nbox.append(\nfill" \
    "ed('Tokens, ' + t.name, t.entries, t.capacity,\nshort(t.entries) + ' o" \
    "f ' + short(t.capacity)),\nfilled('Refusals, ' + t.name, t.negative_en" \
    "tries,\nt.negative_capacity, short(t.negative_entries) + ' of '\n+ sho" \
    "rt(t.negative_capacity)),\nel('p', { 'class': 'soft' }, 'Good entries " \
    "evicted within an hour: '\n+ number(t.evicted_1h) + ', too large: ' + " \
    "number(t.oversized_1h)));\n}\nif (p) {\nbox.append(filled('Proofs, ' +" \
    " p.name, p.entries, p.capacity,\nshort(p.entries) + ' of ' + short(p.c" \
    "apacity)));\n}\nconst r = last.data.revocations;\nif (r) {\nbox.append" \
    "(filled('Revocations, ' + r.name, r.entries, r.capacity,\nshort(sum(Ob" \
    "ject.keys(r.in_force), function (k) {\nreturn r.in_force[k];\n})) + ' " \
    "in force, room for ' + short(r.capacity)));\n}\nif (!box.childNodes.le" \
    "ngth) {\nbox.append(el('p', { 'class': 'soft' }, 'There are none.'));" \
    "\n}\nput('zones', '.body', box);\n}\nfunction keys() {\nconst state = " \
    "{\ncurrent: ['good', '\342\227\217', 'in force'],\nchanged: ['warn', '" \
    "\342\226\262', 'changed'],\nrefused: ['bad', '\342\234\225', 'refused'" \
    "],\nunreadable: ['bad', '\342\234\225', 'unreadable']\n};\nif (!last.d" \
    "ata.key_zones.length) { $('keys').hidden = true; return; }\nput('keys'" \
    ", '.scroll', table('Keys', ['zone', { left: 'file' }, 'active',\n'in g" \
    "race', 'pending', 'suspended', 'revoked', 'expired', '7 days',\n'30 da" \
    "ys', { left: 'loaded' }],\nlast.data.key_zones.map(function (z) {\ncon" \
    "st s = state[z.file], n = z.states;\nconst cells = n ? [n.active, n.de" \
    "precated, n.pending, n.suspended,\nn.revoked, n.expired, z.expiring_7d" \
    ", z.expiring_30d].map(number)\n: ['\342\200\246', '\342\200\246', '" \
    "\342\200\246', '\342\200\246', '\342\200\246', '\342\200\246', '\342" \
    "\200\246', '\342\200\246'];\nreturn [z.name, word(s[0], s[1], s[2])].c" \
    "oncat(cells,\n[z.loaded ? clock(z.loaded) : '\342\200\223']);\n})));\n" \
    "}\nfunction place(l) {\nconst more = [l.server, l.service, l.mode === " \
    "'observe' ? 'observed'\n: ''].filter(Boolean).join(' \302\267 ');\nret" \
    "urn el('span', { title: (l.location || '(none)') + ' ' + more },\nl.lo" \
    "cation || '(none)', el('small', {}, more));\n}\nfunction locations() {" \
    "\nconst used = function (r) { return r.allow + r.deny + r.would_deny; " \
    "};\nconst list = last.data.locations.map(function (l) {\nreturn { l: l" \
    ", key: used(l.requests.key),\ntoken: used(l.requests.oauth) };\n}).sor" \
    "t(function (a, b) { return b.key + b.token - a.key - a.token; });\ncon" \
    "st key = sum(list, function (x) { return x.key; });\nconst token = sum" \
    "(list, function (x) { return x.token; });\nconst all = el('p', { 'clas" \
    "s': 'fill' },\nel('span', {}, 'Tokens ' + percent(token, key + token) " \
    "+ ', keys '\n+ percent(key, key + token)),\nel('span', {}, number(sum(" \
    "list, function (x) { return x.l.grace; }))\n+ ' with a key in its grac" \
    "e period'),\nbar(key + token ? [[token / (key + token), ''],\n[key / (" \
    "key + token), 'key']] : [], 'Tokens '\n+ percent(token, key + token)))" \
    ";\nput('locations', '.body', el('div', {}, all,\nel('div', { 'class': " \
    "'scroll' }, table('Requests by location',\n['location', 'tokens', 'key" \
    "s', 'in grace', 'neither', ' '],\nlist.map(function (x) {\nconst n = x" \
    ".key + x.token;\nreturn [place(x.l),\nnumber(x.token), number(x.key), " \
    "number(x.l.grace),\nnumber(sum(Object.keys(x.l.requests.none), functio" \
    "n (r) {\nreturn x.l.requests.none[r];\n})),\nbar(n ? [[x.token / n, ''" \
    "], [x.key / n, 'key']] : [],\n'tokens ' + percent(x.token, n))];\n})))" \
    "));\n}\nfunction audit() {\nif (!last.data.audit.length) { $('audit')." \
    "hidden = true; return; }\nput('audit', '.scroll', table('Audit lines'," \
    " ['log', 'written', 'lost'],\nlast.data.audit.map(function (s) {\nretu" \
    "rn [s.name, number(s.written),\ns.lost ? word('bad', '\342\234\225', n" \
    "umber(s.lost)) : '0'];\n})));\n}\nfunction advice() {\nconst list = la" \
    "st.data.advice;\nconst bad = list.filter(function (a) {\nreturn a.leve" \
    "l === 'critical';\n}).length;\nconst pill = $('health');\npill.classNa" \
    "me = 'pill ' + (bad ? 'bad' : list.length ? 'warn'\n: 'good');\nconst " \
    "text = bad ? '\342\234\225 ' + bad + ' critical' : list.length\n? '" \
    "\342\226\262 ' + list.length + ' to look at' : '\342\227\217 all well'" \
    ";\nif (pill.textContent !== text) { pill.textContent = text; }\n$('adv" \
    "ice').hidden = !list.length;\n$('advice').querySelector('ul').replaceC" \
    "hildren.apply(\n$('advice').querySelector('ul'), list.map(function (a)" \
    " {\nreturn el('li', { 'class': a.level },\nel('b', {}, (a.level === 'c" \
    "ritical' ? '\342\234\225 Critical' : '\342\226\262 Warning')\n+ ', ' +" \
    " a.name + ':'), ' ' + a.text);\n}));\n}\nfunction show(data) {\nsample" \
    "(data);\nadvice();\ntiles();\ngraph();\nshowReasons();\nproviders();\n" \
    "zones();\nkeys();\nlocations();\naudit();\n$('about').textContent = da" \
    "ta.module + ', counting since '\n+ clock(data.since);\n$('foot').textC" \
    "ontent = 'Also as ?format=json, ?format=prometheus, '\n+ '?format=open" \
    "metrics. Rates are measured by this page, every '\n+ EVERY / 1000 + ' " \
    "s.';\n}\nfunction when() {\n$('when').textContent = failed\n? 'no answ" \
    "er (' + failed + ' in a row)'\n+ (answered ? ', last at ' + answered.t" \
    "oLocaleTimeString() : '')\n: paused ? 'paused at ' + (answered ? answe" \
    "red.toLocaleTimeString()\n: '') : 'as of ' + (answered ? answered.toLo" \
    "caleTimeString() : '');\ndocument.body.classList.toggle('stale', faile" \
    "d > 1);\n}\nfunction poll() {\nclearTimeout(timer);\nif (paused || doc" \
    "ument.hidden) { return; }\nfetch('?format=json', { cache: 'no-store', " \
    "credentials: 'same-origin',\nsignal: AbortSignal.timeout(10000) })\n.t" \
    "hen(function (answer) {\nif (!answer.ok) { throw new Error(answer.stat" \
    "us); }\nreturn answer.json();\n})\n.then(function (data) {\nfailed = 0" \
    ";\nanswered = new Date();\nshow(data);\n})\n.catch(function (error) {" \
    "\nfailed++;\nif (failed > 1) {\n$('health').className = 'pill bad';\n$" \
    "('health').textContent = '\342\234\225 no answer';\n}\nconsole.warn(St" \
    "ring(error));\n})\n.then(function () {\nwhen();\nclearTimeout(timer);" \
    "\ntimer = setTimeout(poll, EVERY);\n});\n}\n$('pause').addEventListene" \
    "r('click', function () {\npaused = !paused;\n$('pause').textContent = " \
    "paused ? 'Go on' : 'Pause';\n$('pause').setAttribute('aria-pressed', S" \
    "tring(paused));\nwhen();\npoll();\n});\ndocument.addEventListener('vis" \
    "ibilitychange', poll);\npoll();\n}());\n</script>\n</body>\n</html>\n"


#endif /* _NGX_AGENT_STATUS_PAGE_H_INCLUDED_ */
