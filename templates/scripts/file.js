"use strict";
// The page of a file: which lines are lit, jumps from gap to gap, the outline, the minimap.
(() => {
  const { make } = minicov;
  const KINDS = { r: "run", m: "missing", p: "partial", x: "excluded" };
  let page, source, runs, gaps, here, given = null, noun = "gaps";

  // "3.2m" is three plain lines and two missing ones: [kind, first line, last line] for each.
  const readRuns = (text) => {
    let line = 1;
    return [...text.matchAll(/(\d+)([.rmpx])/g)].map(([, count, kind]) => {
      const first = line;
      line += Number(count);
      return [kind, first, line - 1];
    });
  };
  const shown = (kind) => source.classList.contains("show-" + kind);

  // Jumps go to these lines instead of gaps; null for gaps again.
  minicov.setGaps = (lines, name) => {
    given = lines;
    noun = lines ? name : "gaps";
    findGaps();
  };
  const findGaps = () => {
    if (given) {
      gaps = given.map((line) => [line, line]);
      say();
      return;
    }
    gaps = runs.filter(([kind]) => kind !== "." && shown(kind));
    // Neighbours of different kinds are one stop, as long as no other line lies between.
    gaps = gaps.reduce((all, [, first, last]) => {
      const before = all[all.length - 1];
      if (before && before[1] + 1 === first) before[1] = last;
      else all.push([first, last]);
      return all;
    }, []);
    say();
  };
  const say = () => {
    const at = here === null ? -1 : gaps.findIndex(([first, last]) => first <= here && here <= last);
    page.querySelector(".where").textContent = gaps.length === 0 ? `no ${noun}` : `${at < 0 ? "–" : at + 1} of ${gaps.length} ${noun}`;
  };
  const line = (number) => document.getElementById("t" + number);

  const visit = (number, block = "center") => {
    const element = line(number);
    if (!element) return;
    page.querySelector(".at")?.classList.remove("at");
    here = number;
    element.classList.add("at");
    element.scrollIntoView({ block });
    say();
  };
  minicov.visitLine = visit;
  // Where the reader is: the line last visited if it is in sight, else the first line in sight.
  const place = () => {
    const box = source.getBoundingClientRect();
    if (here !== null) {
      const element = line(here).getBoundingClientRect();
      if (element.bottom > box.top && element.top < box.bottom) return [here, true];
    }
    const below = document.elementFromPoint(box.left + 30, box.top + 10)?.closest("p[id]");
    return [below ? Number(below.id.slice(1)) : 1, false];
  };
  const jump = (forward) => {
    const [at, visited] = place();
    const next = forward
      ? gaps.find(([first]) => (visited ? first > at : first >= at))
      : gaps.findLast(([first, last]) => (visited && first <= at && at <= last ? false : first < at));
    if (next) visit(next[0]);
  };

  const toggle = (kind) => {
    const on = source.classList.toggle("show-" + kind);
    page.querySelector(`.toggles [value=${kind}]`)?.setAttribute("aria-pressed", on);
    minicov.remember("show-" + kind, on ? "1" : "0");
    findGaps();
    paint();
  };

  const paint = () => {
    const map = page.querySelector(".minimap"), canvas = map.querySelector("canvas");
    const height = map.clientHeight, total = runs.length === 0 ? 1 : runs[runs.length - 1][2];
    if (height === 0) return;
    canvas.width = 16;
    canvas.height = height;
    const style = getComputedStyle(document.documentElement), context = canvas.getContext("2d");
    const colours = { r: "--good-bar", m: "--bad-bar", p: "--fair-bar", x: "--soft" };
    // A short file keeps its lines' height instead of being stretched.
    const scale = Math.min(height / total, 6);
    for (const faint of [true, false]) {
      for (const [kind, first, last] of runs) {
        if (kind === "." || (kind === "r" || !shown(kind)) !== faint) continue;
        context.globalAlpha = faint ? 0.35 : 1;
        context.fillStyle = style.getPropertyValue(colours[kind]);
        context.fillRect(3, (first - 1) * scale, 10, Math.max((last - first + 1) * scale, faint ? 0.5 : 2));
      }
    }
    const box = map.querySelector("i");
    box.style.top = (source.scrollTop / source.scrollHeight) * total * scale + "px";
    box.style.height = Math.min(source.clientHeight / source.scrollHeight, 1) * total * scale + "px";
    map.onpointerdown = (event) => {
      const to = (event) => {
        const fraction = (event.clientY - map.getBoundingClientRect().top) / (total * scale);
        source.scrollTop = fraction * source.scrollHeight - source.clientHeight / 2;
      };
      to(event);
      map.setPointerCapture(event.pointerId);
      map.onpointermove = to;
      map.onpointerup = () => { map.onpointermove = null; };
    };
  };

  // The truth tables of a line's decisions are templates in it, in the order of their buttons, until they are first opened;
  // then they stand behind it in that order.
  const openTable = (button) => {
    const line = button.parentElement;
    if (button.table) button.table.hidden = !button.table.hidden;
    else {
      const buttons = [...line.querySelectorAll("button.d")], number = buttons.indexOf(button);
      const template = line.querySelectorAll("template")[number];
      button.table = document.importNode(template.content, true).firstElementChild;
      const before = buttons.slice(0, number).findLast((other) => other.table)?.table;
      const contexts = line.nextElementSibling?.matches(".context-list") ? line.nextElementSibling : line;
      (before || contexts).after(button.table);
    }
    button.setAttribute("aria-expanded", !button.table.hidden);
  };

  const link = (name) => () => page.querySelector(`a.${name}`)?.click();
  const outline = () => {
    const narrow = matchMedia("(max-width: 900px)").matches;
    const open = narrow ? page.classList.toggle("with-outline") : !page.classList.toggle("no-outline");
    page.querySelector(".outline-button").setAttribute("aria-pressed", open);
    if (!narrow) minicov.remember("outline", open ? "1" : "0");
  };
  const wrap = () => {
    const on = source.classList.toggle("wrap");
    page.querySelector(".wrap-button").setAttribute("aria-pressed", on);
  };

  const keys = () => [
    [["r", "m", "p", "x"], "light or unlight lines that are run, missing, partial, excluded", toggle],
    [["j", "k"], "next, previous gap", (key) => jump(key === "j")],
    [["0"], "top of the page", () => { source.scrollTop = 0; here = null; page.querySelector(".at")?.classList.remove("at"); say(); }],
    [["1"], "first gap", () => { if (gaps.length > 0) visit(gaps[0][0]); }],
    [["["], "previous file", link("previous")],
    [["]"], "next file", link("next")],
    [["u"], "up to the index", link("up")],
    [["o"], "outline of functions", outline],
    [["w"], "wrap long lines", wrap],
  ];

  // Makes `root` live; in a report that is a single file, it was put there just now.
  minicov.openFile = (root, anchor) => {
    page = root;
    source = page.querySelector(".source");
    const lines = page.querySelector(".lines");
    runs = readRuns(lines.dataset.runs);
    here = null;
    given = null;
    noun = "gaps";
    for (const kind of Object.keys(KINDS)) {
      const on = (minicov.recall("show-" + kind) || (kind === "r" ? "0" : "1")) === "1";
      source.classList.toggle("show-" + kind, on);
      page.querySelector(`.toggles [value=${kind}]`)?.setAttribute("aria-pressed", on);
    }
    page.classList.toggle("no-outline", minicov.recall("outline") === "0");
    page.querySelector(".outline-button").setAttribute("aria-pressed", minicov.recall("outline") !== "0");
    minicov.keys = keys();
    findGaps();
    source.focus({ preventScroll: true });
    if (anchor) visit(anchor);
    paint();
    source.addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
    page.querySelector(".toggles").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) toggle(button.value);
    });
    minicov.openContexts(page);
    lines.addEventListener("click", (event) => {
      const button = event.target.closest("button.d");
      if (button) openTable(button);
    });
    page.querySelector(".next-gap").addEventListener("click", () => jump(true));
    page.querySelector(".previous-gap").addEventListener("click", () => jump(false));
    page.querySelector(".outline-button").addEventListener("click", outline);
    page.querySelector(".wrap-button").addEventListener("click", wrap);
  };

  const anchored = () => Number(location.hash.match(/^#t(\d+)$/)?.[1] || 0);
  document.addEventListener("DOMContentLoaded", () => {
    const root = document.querySelector("body.file-page");
    if (root) minicov.openFile(root, anchored());
  });
  addEventListener("hashchange", () => { if (source?.isConnected && anchored()) visit(anchored()); });
  addEventListener("resize", () => { if (source?.isConnected) paint(); });
  document.addEventListener("themechange", () => { if (source?.isConnected) paint(); });
})();
