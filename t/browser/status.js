// Watches the page of agent_status in a real browser.
//
//     node status.js URL DIRECTORY
//
// For each look of the page the traffic is made by whoever runs this, who says
// on standard input, a line at a time, what the page has to show then; what was
// seen is printed as JSON, an object a line.  A screenshot of each is left in
// DIRECTORY.

'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');

const modules = process.env.AGENT_BROWSER_MODULES
  || path.join(__dirname, '../../build/browser');
const { chromium } = require(path.join(modules,
  'node_modules/playwright-core'));

const [url, directory] = process.argv.slice(2);
const patience = 60000;

const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440,
    height: 1000 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1440,
    height: 1000 } },
  { name: 'phone', colorScheme: 'dark', viewport: { width: 390,
    height: 844 } }
];


// what is on the page, as text; contrast of each text with what is behind it

function seen() {
  const text = (selector) => {
    const e = document.querySelector(selector);
    return e && !e.closest('[hidden]') ? e.innerText : null;
  };

  const colour = (value) => {
    const n = value.match(/[\d.]+/g).map(Number);
    return { rgb: n.slice(0, 3), alpha: n.length > 3 ? n[3] : 1 };
  };

  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => {
      c /= 255;
      return c <= .03928 ? c / 12.92 : Math.pow((c + .055) / 1.055, 2.4);
    });
    return .2126 * r + .7152 * g + .0722 * b;
  };

  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor);
      if (c.alpha === 1) { return c.rgb; }
    }
    return [255, 255, 255];
  };

  let worst = { ratio: 21 };

  document.querySelectorAll('body *').forEach((e) => {
    if (!e.checkVisibility() || e.closest('svg, script')
      || ![...e.childNodes].some((n) => n.nodeType === 3
        && n.data.trim()))
    {
      return;
    }
    const a = luminance(colour(getComputedStyle(e).color).rgb);
    const b = luminance(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < worst.ratio) {
      worst = { ratio: ratio, text: e.textContent.slice(0, 40) };
    }
  });

  return {
    title: document.title,
    health: text('#health'),
    advice: text('#advice'),
    tiles: text('#tiles'),
    reasons: text('#reasons'),
    providers: text('#providers'),
    zones: text('#zones'),
    keys: text('#keys'),
    locations: text('#locations'),
    audit: text('#audit'),
    graph: document.querySelector('#graph > svg').getAttribute('aria-label'),
    lines: document.querySelectorAll('#graph polyline').length,
    drawn: [...document.querySelectorAll('#graph polyline')]
      .some((p) => (p.getAttribute('points') || '').includes(' ')),
    background: getComputedStyle(document.body).backgroundColor,
    wider: document.documentElement.scrollWidth - window.innerWidth,
    contrast: worst,
    tables: document.querySelectorAll('table').length,
    captions: document.querySelectorAll('table > caption').length,
    rows: document.querySelectorAll('tbody tr').length,
    heads: document.querySelectorAll('tbody th[scope=row]').length,
    columns: document.querySelectorAll('thead th:not([scope=col])').length,
    unnamed: [...document.querySelectorAll('button, a, [role=img]')]
      .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim()))
      .length,
    scripts: document.scripts.length
  };
}


async function main() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'agent-browser-'));

  // a profile of its own, and nothing that calls home

  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
      '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync']
  });

  try {
    const origin = new URL(url).origin;
    const lines = readline.createInterface({ input: process.stdin });
    const input = lines[Symbol.asyncIterator]();

    for (const look of looks) {
      const c = await browser.browser().newContext({
        colorScheme: look.colorScheme, viewport: look.viewport
      }).catch(() => null) || browser;
      const page = await c.newPage();
      const out = { look: look.name, foreign: [], complaints: [],
        requests: 0 };

      if (c === browser) {
        await page.emulateMedia({ colorScheme: look.colorScheme });
        await page.setViewportSize(look.viewport);
      }

      page.on('request', (r) => {
        out.requests++;
        if (!r.url().startsWith(origin + '/')) { out.foreign.push(r.url()); }
      });
      page.on('console', (m) => {
        if (m.type() === 'error' || m.type() === 'warning') {
          out.complaints.push(m.text());
        }
      });
      page.on('pageerror', (e) => out.complaints.push(e.message));

      // the timers that are set

      await page.addInitScript(() => {
        const set = window.setTimeout, clear = window.clearTimeout;
        const timers = window.timers = new Set();
        window.setTimeout = (f, ms) => {
          const id = set(() => { timers.delete(id); f(); }, ms);
          timers.add(id);
          return id;
        };
        window.clearTimeout = (id) => { timers.delete(id); clear(id); };
      });

      const answer = await page.goto(url, { timeout: patience });
      out.status = answer.status();
      await page.waitForFunction(
        () => document.querySelector('#reasons .scroll').childNodes.length,
        null, { timeout: patience });
      console.log(JSON.stringify({ look: look.name, ready: true }));

      // a line is a text that #reasons has to show, after the traffic

      const { value } = await input.next();
      await page.waitForFunction((wanted) => {
        const p = [...document.querySelectorAll('#graph polyline')];
        return document.querySelector('#reasons').innerText.includes(wanted)
          && p.some((x) => (x.getAttribute('points') || '').includes(' '));
      }, value, { timeout: patience });

      Object.assign(out, await page.evaluate(seen));
      await page.screenshot({
        path: path.join(directory, 'status-' + look.name + '.png'),
        fullPage: true
      });

      await page.click('#pause');
      out.paused = await page.innerText('#pause');

      // each "Go on" asks at once, while those before have no answer yet

      const held = [];
      const answered = new Promise((resolve) => {
        let left = 3;
        page.on('requestfinished', () => { if (--left === 0) { resolve(); } });
      });

      await page.route('**/*format=json*', async (route) => {
        held.push(route);
        if (held.length === 3) {
          for (const h of held) { await h.continue(); }
        }
      });

      for (let i = 0; i < 5; i++) { await page.click('#pause'); }

      await answered;
      await page.waitForFunction(() => window.timers.size > 0);
      out.timers = await page.evaluate(() => window.timers.size);

      await page.close();
      console.log(JSON.stringify(out));
    }

  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}


main().then(() => process.exit(0), (error) => {
  console.log(JSON.stringify({ failed: String(error) }));
  process.exit(1);
});
