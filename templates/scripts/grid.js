"use strict";
// The grid of rows. Only the rows in sight are in the document, so that ten thousand of them cost no layout; before
// printing all of them are put there.
(() => {
  const { make, display, percent, grade } = minicov;
  const HEIGHT = 32, MARGIN = 12;
  let rows = [], options, body, scroller, focused = 0, printing = false;

  const cell = (column, counts, attributes = {}) => {
    const style = column.wide ? "wide" : "";
    if (!column.ratio) return make("div", { role: "gridcell", class: style, ...attributes }, String(column.value(counts)));
    const [covered, all] = column.ratio(counts);
    if (all === 0 && !column.bar) return make("div", { role: "gridcell", class: `${style} soft`, ...attributes }, "–");
    const value = percent(covered, all);
    const text = display(value, options.precision) + "%";
    const title = { title: `${covered} of ${all}` };
    if (!column.bar) return make("div", { role: "gridcell", class: `${style} ${grade(value)}`, ...title, ...attributes }, text);
    const fill = make("i");
    fill.style.width = value + "%";
    return make("div", { role: "gridcell", class: "cover", ...title, ...attributes },
      make("span", { class: `bar ${grade(value)}`, "aria-hidden": "true" }, fill),
      make("b", { class: grade(value) }, text));
  };

  const nameCell = ({ row, depth, open }) => {
    const cell = make("div", { role: "rowheader", class: "name", "--depth": depth, title: row.kind === "folder" ? row.path : row.kind === "file" ? row.name : row.plain });
    if (row.kind === "folder") {
      cell.append(make("span", { class: "twist", "aria-hidden": "true" }, open ? "▼" : "▶"), make("span", { class: "folder" }, row.name + "/"));
      cell.addEventListener("click", () => options.toggle(row));
    } else {
      const title = row.kind === "file" && options.tree ? row.base : row.name;
      cell.append(options.tree ? make("span", { class: "leaf" }) : "", row.href ? make("a", { href: row.href, tabindex: "-1" }, title) : title);
    }
    return cell;
  };

  const rowOf = (at) => {
    const item = rows[at];
    const row = make("div", {
      role: "row", class: "row", "data-at": at, tabindex: at === focused ? "0" : "-1", "aria-rowindex": at + 2,
      "aria-level": options.tree ? item.depth + 1 : null,
      "aria-expanded": item.row.kind === "folder" ? String(item.open) : null,
    }, nameCell(item));
    if (options.regions) row.append(make("div", { role: "gridcell", class: "file wide", title: item.row.file.name }, `${item.row.file.name}:${item.row.line}`));
    for (const column of options.columns) row.append(cell(column, item.row.counts));
    row.style.top = at * HEIGHT + "px";
    return row;
  };

  // Puts the rows in sight into the document and takes the others out; the one with the focus stays.
  const fill = () => {
    if (!body.isConnected) return;
    const top = scroller.scrollTop - body.offsetTop;
    const first = printing ? 0 : Math.max(0, Math.floor(top / HEIGHT) - MARGIN);
    const last = printing ? rows.length : Math.min(rows.length, Math.ceil((top + scroller.clientHeight) / HEIGHT) + MARGIN);
    const there = new Map([...body.children].map((row) => [Number(row.dataset.at), row]));
    const wanted = [];
    if (focused < first && focused < rows.length) wanted.push(focused);
    for (let at = first; at < last; at++) wanted.push(at);
    if (focused >= last && focused < rows.length) wanted.push(focused);
    const keep = new Set(wanted);
    for (const [at, row] of there) if (!keep.has(at)) row.remove();
    let next = body.firstElementChild;
    for (const at of wanted) {
      const row = there.get(at) || rowOf(at);
      if (row === next) next = next.nextElementSibling;
      else body.insertBefore(row, next);
    }
  };

  const focus = (at) => {
    if (rows.length === 0) return;
    body.querySelector(`[data-at="${focused}"]`)?.setAttribute("tabindex", "-1");
    focused = Math.max(0, Math.min(rows.length - 1, at));
    const top = body.offsetTop + focused * HEIGHT;
    if (top < scroller.scrollTop + 40) scroller.scrollTop = top - 60;
    if (top + HEIGHT > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + HEIGHT * 2 - scroller.clientHeight;
    fill();
    const row = body.querySelector(`[data-at="${focused}"]`);
    row.setAttribute("tabindex", "0");
    row.focus({ preventScroll: true });
  };

  minicov.walk = (key) => {
    if (!body?.isConnected) return;
    const inside = body.contains(document.activeElement);
    if (key === "ArrowDown") { focus(inside ? focused + 1 : focused); return; }
    if (key === "ArrowUp") { focus(inside ? focused - 1 : focused); return; }
    if (!inside || !rows[focused]) return;
    const { row, depth, open } = rows[focused];
    if (row.kind === "folder" && open === (key === "ArrowLeft")) { options.toggle(row); focus(focused); return; }
    if (key === "ArrowRight") { focus(focused + 1); return; }
    for (let at = focused - 1; at >= 0; at--) if (rows[at].depth < depth) { focus(at); return; }
  };

  minicov.grid = (view, newRows, newOptions) => {
    const hadFocus = body?.contains(document.activeElement);
    const identity = rows[focused]?.row.id;
    rows = newRows;
    options = newOptions;
    scroller = document.getElementById("main");
    const again = rows.findIndex(({ row }) => row.id === identity);
    focused = again >= 0 ? again : 0;
    const heads = [{ slug: "name", title: options.regions === "functions" ? "Function" : options.regions === "classes" ? "Class" : "File", hint: "name" }];
    if (options.regions) heads.push({ slug: "file", title: "File", hint: "file", wide: true, file: true });
    heads.push(...options.columns);
    const head = make("div", { role: "row", class: "row head", "aria-rowindex": "1" }, ...heads.map((column) =>
      make("div", {
        role: "columnheader", class: `${column.wide ? "wide" : ""} ${column.file ? "file" : ""}`,
        "aria-sort": options.state.sort === column.slug ? (options.state.desc ? "descending" : "ascending") : "none",
      }, make("button", { type: "button", title: `sort by ${column.hint}`, "data-sort": column.slug }, column.title))));
    head.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      options.columns.sortBy(button.dataset.sort);
      document.querySelector(`.head [data-sort="${button.dataset.sort}"]`)?.focus();
    });
    body = make("div", { class: "body", role: "rowgroup" });
    body.style.height = rows.length * HEIGHT + "px";
    const foot = make("div", { role: "row", class: "row foot", "aria-rowindex": rows.length + 2 },
      make("div", { role: "rowheader", class: "name" }, options.totalName),
      options.regions ? make("div", { role: "gridcell", class: "file wide" }) : null,
      ...options.columns.map((column) => cell(column, options.total)));
    const narrow = matchMedia("(max-width: 760px)").matches;
    const tracks = options.columns.filter((column) => !narrow || !column.wide)
      .map((column) => (column.bar ? (narrow ? "96px" : "200px") : narrow ? "52px" : "78px"));
    const files = options.regions && !narrow ? "minmax(200px, 1fr) " : "";
    const grid = make("div", {
      class: "grid", role: options.tree ? "treegrid" : "grid", "aria-label": "Coverage", "aria-rowcount": rows.length + 2,
      "--columns": `minmax(${narrow ? "110px" : "240px"}, 1fr) ${files}${tracks.join(" ")}`,
    }, head, body, foot);
    if (rows.length === 0) body.replaceWith(make("div", { role: "row" }, make("div", { role: "gridcell", class: "empty" }, "Nothing fits the filter.")));
    view.replaceChildren(grid);
    if (rows.length > 0) fill();
    if (hadFocus) focus(focused);
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("main")?.addEventListener("scroll", () => { if (body?.isConnected && rows.length > 0) fill(); }, { passive: true });
    document.addEventListener("focusin", (event) => {
      const row = event.target.closest?.(".body .row");
      if (row && Number(row.dataset.at) !== focused) {
        body.querySelector(`[data-at="${focused}"]`)?.setAttribute("tabindex", "-1");
        focused = Number(row.dataset.at);
        row.setAttribute("tabindex", "0");
      }
    });
    document.addEventListener("keydown", (event) => {
      const row = event.target.closest?.(".body .row");
      if (!row || event.key !== "Enter" || event.target !== row) return;
      const item = rows[Number(row.dataset.at)];
      if (item.row.kind === "folder") options.toggle(item.row);
      else minicov.go(item.row.href);
    });
    addEventListener("beforeprint", () => { if (body?.isConnected) { printing = true; fill(); } });
    addEventListener("afterprint", () => { if (body?.isConnected) { printing = false; fill(); } });
  });
})();
