"use strict";
// The index: reads the report's data, keeps what is shown in the URL, and hands rows to the grid and the map.
minicov.index = (() => {
  const { make, percent } = minicov;
  let data, state, files, columns;
  const element = (id) => document.getElementById(id);

  // Counts of a row, by the names that the data gives its columns.
  const counts = (values) => Object.fromEntries(data.columns.map((name, at) => [name, values[at]]));
  const add = (sum, other) => { for (const name of data.columns) sum[name] += other[name]; return sum; };
  const nothing = () => Object.fromEntries(data.columns.map((name) => [name, 0]));
  const sum = (rows) => rows.reduce((total, row) => add(total, row.counts), nothing());

  // Everything a column can show, from the counts. `ratio` is covered and all; `wide` columns go first on a phone.
  const LINES = (c) => [c.statements - c.missing, c.statements];
  const BRANCHES = (c) => [c.branches - c.missing_branches, c.branches];
  const TOTAL = (c) => [LINES(c)[0] + (c.branches ? BRANCHES(c)[0] : 0), c.statements + (c.branches || 0)];
  const CONDITIONS = (c) => [c.conditions - c.missing_conditions, c.conditions];
  const allColumns = [
    { slug: "statements", title: "Stmts", hint: "statements", key: "s", value: (c) => c.statements, wide: true },
    { slug: "missing", title: "Miss", hint: "statements that never ran", key: "m", value: (c) => c.missing },
    { slug: "excluded", title: "Excl", hint: "excluded lines", key: "x", value: (c) => c.excluded, wide: true },
    { slug: "lines", title: "Lines", name: "lines", hint: "statements that ran", of: "statements", ratio: LINES, needs: "branches", wide: true },
    { slug: "branches", title: "Branch", hint: "ways on from lines with more than one", key: "b", value: (c) => c.branches, needs: "branches", wide: true },
    { slug: "partial", title: "BrPart", hint: "ways not taken from lines that ran", key: "p", value: (c) => c.partial, needs: "branches", wide: true },
    { slug: "branched", title: "Brs", name: "branches", hint: "ways that were taken", of: "branches", ratio: BRANCHES, needs: "branches", wide: true },
    { slug: "conditions", title: "Conds", hint: "conditions of decisions", value: (c) => c.conditions, needs: "conditions", wide: true },
    { slug: "mcdc", title: "MC/DC", name: "MC/DC", hint: "conditions shown to decide their decision", key: "d", of: "conditions", ratio: CONDITIONS, needs: "conditions", wide: true },
    { slug: "coverage", title: "Coverage", name: "coverage", hint: "statements and branches together", of: "statements", key: "c", ratio: TOTAL, bar: true },
  ];

  // The rows of functions or classes come with a script of their own, when they are first asked for.
  const regions = { functions: null, classes: null };
  let waiting = null;
  minicov.setRegions = (loaded) => {
    for (const kind of ["functions", "classes"]) {
      regions[kind] = loaded[kind].map(([file, name, line, ...values]) => ({
        kind: "region", name: name || `(no ${kind === "classes" ? "class" : "function"})`, plain: name,
        file: files[file], line, href: minicov.lineLink(files[file], name ? line : 0), counts: counts(values),
        id: `${file}:${line}:${name}`,
      }));
    }
    if (waiting) waiting();
  };
  const withRegions = (then) => {
    if (regions.functions) { then(); return; }
    waiting = then;
    const embedded = element("regions");
    if (embedded) minicov.setRegions(JSON.parse(embedded.textContent));
    else document.head.append(make("script", { src: data.regions }));
  };
  minicov.lineLink = (file, line) =>
    file.url === "" ? null : line === 0 ? file.url : file.url + (file.url.startsWith("#") ? ".t" : "#t") + line;

  // Folders that hold nothing but one folder are shown as one.
  function buildTree() {
    const folder = (name, path) => ({ kind: "folder", name, path, id: path + "/", folders: new Map(), files: [], counts: nothing() });
    const root = folder("", "");
    for (const file of files) {
      const parts = file.name.split("/");
      file.base = parts.pop();
      let at = root;
      add(at.counts, file.counts);
      for (const part of parts) {
        if (!at.folders.has(part)) at.folders.set(part, folder(part, at === root ? part : at.path + "/" + part));
        at = at.folders.get(part);
        add(at.counts, file.counts);
      }
      at.files.push(file);
    }
    const merge = (node) => {
      for (const [name, child] of node.folders) {
        let only = child, title = name;
        while (only.files.length === 0 && only.folders.size === 1) {
          only = [...only.folders.values()][0];
          title += "/" + only.name;
        }
        only.name = title;
        node.folders.set(name, only);
        merge(only);
      }
    };
    merge(root);
    return root;
  }

  // ---- what is shown, and the URL
  const DEFAULTS = { view: "tree", sort: "name", desc: "", q: "", hide: "", toggled: "", at: "", colour: "coverage" };
  const readState = () => {
    const hash = location.hash.slice(1);
    const given = Object.fromEntries(new URLSearchParams(hash.includes("=") ? hash : ""));
    const read = { ...DEFAULTS };
    for (const key of Object.keys(DEFAULTS)) if (given[key] !== undefined) read[key] = given[key];
    if (!["tree", "files", "functions", "classes", "map"].includes(read.view)) read.view = "tree";
    return read;
  };
  const writeState = (push) => {
    const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
    const hash = "#" + new URLSearchParams(changed);
    minicov.indexHash = hash;
    history[push ? "pushState" : "replaceState"](null, "", hash === "#" ? location.href.split("#")[0] : hash);
  };
  const change = (changes, push = false) => {
    Object.assign(state, changes);
    writeState(push);
    show();
  };

  const covered = (row) => row.counts.missing === 0 && !row.counts.missing_branches && !row.counts.missing_conditions;
  const words = () => state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (text, wanted) => wanted.every((word) => text.includes(word));
  const kept = (row, text, wanted) => !(state.hide && covered(row)) && matches(text.toLowerCase(), wanted);

  const natural = new Intl.Collator("en", { numeric: true }).compare;
  const compare = () => {
    const column = columns.find((column) => column.slug === state.sort);
    const sign = state.desc ? -1 : 1;
    const byName = (a, b) => natural(a.name, b.name) || natural(a.file?.name || "", b.file?.name || "");
    if (state.sort === "file") return (a, b) => sign * natural(a.file?.name || a.name, b.file?.name || b.name) || a.line - b.line;
    if (!column) return (a, b) => sign * byName(a, b);
    const value = column.value || ((c) => percent(...column.ratio(c)));
    return (a, b) => sign * (value(a.counts) - value(b.counts)) || byName(a, b);
  };

  // Rows in order; a tree's with their depth.
  function rowsOf() {
    const wanted = words(), order = compare();
    if (state.view === "files") return files.filter((file) => kept(file, file.name, wanted)).sort(order);
    if (state.view === "functions" || state.view === "classes") {
      return regions[state.view].filter((row) => kept(row, row.file.name + " " + row.name, wanted)).sort(order);
    }
    const rows = [], filtering = wanted.length > 0, toggled = new Set(state.toggled.split("|"));
    const foldersFirst = (a, b) => (a.kind === b.kind ? order(a, b) : a.kind === "folder" ? -1 : 1);
    const visit = (node, depth) => {
      const children = [...node.folders.values(), ...node.files].sort(state.sort === "name" ? foldersFirst : order);
      for (const child of children) {
        if (child.kind === "file") {
          if (kept(child, child.name, wanted)) rows.push({ row: child, depth });
          continue;
        }
        const open = filtering || (depth < data.depth) !== toggled.has(child.path);
        const start = rows.push({ row: child, depth, open }) - 1;
        if (open) visit(child, depth + 1);
        const hidden = open ? rows.length === start + 1 : state.hide && covered(child);
        if (hidden) rows.length = start;
      }
    };
    visit(data.tree, 0);
    return rows;
  }
  const toggle = (row) => {
    const toggled = new Set(state.toggled.split("|").filter(Boolean));
    if (!toggled.delete(row.path)) toggled.add(row.path);
    change({ toggled: [...toggled].join("|") });
  };

  function show() {
    for (const button of document.querySelectorAll(".views button")) button.setAttribute("aria-pressed", button.value === state.view);
    if (element("filter").value !== state.q) element("filter").value = state.q;
    element("hide").checked = state.hide !== "";
    if (state.view === "functions" || state.view === "classes") withRegions(paint);
    else paint();
  }
  function paint() {
    const view = element("view");
    if (state.view === "map") {
      element("shown").textContent = "";
      minicov.map(view, data.tree, state, change, { kept, words: words(), measures: columns.filter((column) => column.ratio), sum, precision: data.precision });
      return;
    }
    const rows = rowsOf().map((item) => (item.row ? item : { row: item, depth: 0 }));
    const leaves = rows.filter(({ row }) => row.kind !== "folder").map(({ row }) => row);
    const closed = rows.some(({ row, open }) => row.kind === "folder" && !open);
    const all = state.view === "tree" || state.view === "files" ? files : regions[state.view];
    const reduced = state.q !== "" || state.hide !== "";
    const total = !reduced || closed ? null : sum(leaves);
    const noun = state.view === "functions" || state.view === "classes" ? state.view : "files";
    element("shown").textContent = closed && !reduced ? `${files.length} files` : `${leaves.length} of ${all.length} ${noun}`;
    minicov.grid(view, rows, {
      columns, state, change, toggle, precision: data.precision, total: total || data.totals,
      totalName: total ? "Shown" : "Total", tree: state.view === "tree",
      regions: noun === "files" ? null : noun,
    });
  }

  const sortBy = (slug) => {
    const ascendingFirst = slug === "name" || slug === "file" || slug === "coverage";
    const desc = state.sort === slug ? !state.desc : !ascendingFirst;
    change({ sort: slug, desc: desc ? "1" : "" });
  };

  const VIEWS = ["tree", "files", "functions", "classes", "map"];
  function start() {
    data = JSON.parse(element("data").textContent);
    files = data.files.map(([raw, url, ...values]) => [minicov.visible(raw), url, values]).map(([name, url, values]) => ({ kind: "file", name, url, href: url, counts: counts(values), id: name, line: 0 }));
    data.tree = buildTree();
    data.totals = counts(data.totals);
    data.depth = files.length <= 60 ? 99 : 1;
    columns = allColumns.filter((column) => !column.needs || data.columns.includes(column.needs));
    columns.sortBy = sortBy;
    state = readState();
    activate();
    show();
  }
  function activate() {
    minicov.keys = [
      [["/"], "filter", () => element("filter").focus()],
      [["h"], "hide or show what is covered", () => change({ hide: state.hide ? "" : "1" })],
      [["v"], "next view: tree, files, functions, classes, map", () => change({ view: VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length] }, true)],
      [["f"], "sort by file", () => sortBy(state.view === "functions" || state.view === "classes" ? "file" : "name")],
      [["n"], "sort by name", () => sortBy("name")],
      ...columns.filter((column) => column.key).map((column) => [[column.key], `sort by ${column.hint}`, () => sortBy(column.slug)]),
      [["]"], "first file", () => minicov.go(files[0]?.url)],
      [["["], "last file", () => minicov.go(files[files.length - 1]?.url)],
      [["ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft"], "walk through the rows, open and close folders", (key) => minicov.walk(key)],
    ];
  }
  minicov.go = (url) => { if (url) location.href = url; };

  document.addEventListener("DOMContentLoaded", () => {
    if (!element("data")) return;
    start();
    element("filter").addEventListener("input", (event) => change({ q: event.target.value }));
    element("hide").addEventListener("change", (event) => change({ hide: event.target.checked ? "1" : "" }));
    element("views").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) change({ view: button.value }, true);
    });
    // In a report that is a single file, the page of a file may be shown instead.
    addEventListener("popstate", () => { if (element("view")) restore(); });
    addEventListener("resize", () => { if (element("view")) paint(); });
  });
  const restore = () => {
    if (/^#f\d/.test(location.hash)) return;
    state = readState();
    activate();
    show();
  };
  return { restore };
})();
