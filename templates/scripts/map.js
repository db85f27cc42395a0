"use strict";
// The treemap: area is statements, colour is coverage or another measure. Squarified (Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000).
(() => {
  const { make, display, percent } = minicov;
  const MOST_TILES = 400, MOST_PARTS = 40, DEEPEST = 3;

  // Divides a rectangle among values, largest first: [item, x, y, width, height] for each.
  const squarify = (items, x, y, width, height) => {
    const placed = [];
    let rest = items.reduce((sum, item) => sum + item.size, 0), start = 0;
    while (start < items.length && width > 0 && height > 0 && rest > 0) {
      const scale = (width * height) / rest, side = Math.min(width, height);
      let end = start, sum = 0, best = Infinity;
      while (end < items.length) {
        const next = sum + items[end].size * scale;
        const largest = items[start].size * scale, smallest = items[end].size * scale;
        const worst = Math.max((side * side * largest) / (next * next), (next * next) / (side * side * smallest));
        if (worst > best) break;
        best = worst; sum = next; end++;
      }
      const thickness = sum / side;
      let along = width < height ? x : y;
      for (const item of items.slice(start, end)) {
        const length = (item.size * scale) / thickness;
        placed.push(width < height ? [item, along, y, length, thickness] : [item, x, along, thickness, length]);
        along += length;
        rest -= item.size;
      }
      if (width < height) { y += thickness; height -= thickness; } else { x += thickness; width -= thickness; }
      start = end;
    }
    return placed;
  };

  const hue = (value) => (value < 75 ? 25 + (value / 75) * 50 : value < 90 ? 75 + ((value - 75) / 15) * 50 : 125 + (value - 90) * 2.5);

  minicov.map = (view, tree, state, change, { kept, words, measures, sum, precision }) => {
    const measure = measures.find(({ slug }) => slug === state.colour) || measures[measures.length - 1];
    // Where there is nothing to cover, there is no colour.
    const look = (counts, more = "") => {
      const [covered, all] = measure.ratio(counts);
      return { class: `tile ${more} ${all === 0 ? "none" : ""}`, "--hue": hue(percent(covered, all)) };
    };
    const find = (node, path) => {
      for (const child of node.folders.values()) {
        if (child.path === path) return child;
        if (path.startsWith(child.path + "/")) return find(child, path);
      }
      return null;
    };
    const filesIn = (node) => [
      ...node.files.filter((file) => kept(file, file.name, words)),
      ...[...node.folders.values()].flatMap(filesIn),
    ];
    const item = (node) => {
      if (node.kind === "file") return { node, counts: node.counts, size: node.counts.statements };
      const files = filesIn(node);
      const counts = sum(files);
      return { node, counts, size: counts.statements, files };
    };
    const itemsIn = (node) => [...node.folders.values(), ...node.files.filter((file) => kept(file, file.name, words))]
      .map(item).filter(({ size }) => size > 0).sort((a, b) => b.size - a.size);

    const here = (state.at && find(tree, state.at)) || tree;
    const crumbs = make("nav", { class: "crumbs", "aria-label": "Folders" });
    const crumb = (name, path, last) => last
      ? make("b", { "aria-current": "location" }, name)
      : make("button", { type: "button", onclick: () => change({ at: path }, true) }, name);
    crumbs.append(crumb("all files", "", here === tree));
    for (let node = tree, path = here.path; path && node !== here;) {
      node = [...node.folders.values()].find((child) => path === child.path || path.startsWith(child.path + "/"));
      if (!node) break;
      crumbs.append("›", crumb(node.name, node.path, node === here));
    }
    const box = make("div", { class: "map", role: "group", "aria-label": "Map of " + (here.path || "all files") });
    const scale = make("p", { class: "scale" }, "0%", make("i", { "aria-hidden": "true" }), "100%", make("span", {}, "area: statements; "));
    const choice = make("select", { onchange: (event) => change({ colour: event.target.value }) },
      ...measures.map(({ slug, name }) => make("option", { value: slug, selected: slug === measure.slug }, name)));
    scale.append(make("label", {}, "colour: ", choice));
    view.replaceChildren(crumbs, box, scale);
    const width = box.clientWidth, height = box.clientHeight;

    const items = itemsIn(here);
    const left = items.splice(MOST_TILES);
    const place = (tile, [, x, y, width, height]) => Object.assign(tile.style, { left: x + "px", top: y + "px", width: width + "px", height: height + "px" });
    // What is in a folder, as a hint only: it can be neither clicked nor reached.
    const inside = (folder, x, y, width, height, depth) => {
      if (width < 40 || height < 30 || depth > DEEPEST) return;
      for (const part of squarify(itemsIn(folder).slice(0, MOST_PARTS), x, y, width, height)) {
        const [{ node, counts, files }, left, top, partWidth, partHeight] = part;
        const tile = make("div", { "aria-hidden": "true", ...look(counts, "part") });
        if (partWidth > 60 && partHeight > 18) tile.append(node.kind === "file" ? node.base : node.name + "/");
        place(tile, part);
        box.append(tile);
        if (files) inside(node, left + 3, top + 18, partWidth - 6, partHeight - 21, depth + 1);
      }
    };
    for (const placed of squarify(items, 0, 0, width, height)) {
      const [{ node, counts, files }, x, y, tileWidth, tileHeight] = placed;
      const [covered, all] = measure.ratio(counts), value = percent(covered, all);
      const shown = all === 0 ? "–" : display(value, precision) + "%";
      const name = node.kind === "file" ? node.base : node.name + "/";
      const about = `${node.kind === "file" ? node.name : node.path + "/"}: ${shown} of ${measure.slug === "coverage" ? counts.statements : all} ${measure.of}`;
      const roomy = tileWidth > 34 && tileHeight > 18;
      const label = roomy ? [make("span", {}, make("b", {}, name), " " + shown)] : [];
      const common = { ...look(counts), title: about, "aria-label": about };
      const tile = node.kind === "file"
        ? node.href ? make("a", { ...common, href: node.href }, ...label) : make("div", { ...common, role: "img" }, ...label)
        : make("button", { ...common, ...look(counts, "folder-tile"), type: "button", onclick: () => change({ at: node.path }, true) }, ...label);
      place(tile, placed);
      box.append(tile);
      if (files) inside(node, x + 3, y + 20, tileWidth - 6, tileHeight - 23, 1);
    }
    if (items.length === 0) box.append(make("p", { class: "empty" }, "Nothing here has statements and fits the filter."));
    if (left.length > 0) scale.append(` — the ${left.length} smallest are left out`);
    minicov.mapUp = () => here !== tree && change({ at: here.path.split("/").slice(0, -1).join("/") }, true);
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && !event.target.matches("input") && document.querySelector(".map")) minicov.mapUp();
  });
})();
