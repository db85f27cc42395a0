"use strict";
// Which contexts (tests) ran a line: a count in the margin, the list on demand, and the lines of one context lit.
(() => {
  const { make } = minicov;
  let data, source;

  const toggle = (button) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    const line = button.parentElement;
    if (open) { line.nextElementSibling.remove(); return; }
    line.after(list(data.lines[line.id.slice(1)], `contexts of line ${line.id.slice(1)}`));
  };
  const list = (numbers, label) => make("ul", { class: "context-list", "aria-label": label },
    ...numbers.map((number) => make("li", {}, make("button", { type: "button", title: "light what it ran" }, minicov.visible(data.names[number])))));

  // The same for a row of a truth table: the list is a row behind it.
  const toggleRow = (button) => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    const row = button.closest("tr");
    if (open) { row.nextElementSibling.remove(); return; }
    const numbers = button.dataset.contexts.split(" ").map(Number);
    const number = row.querySelector("th").textContent;
    row.after(make("tr", {}, make("td", { colspan: row.cells.length }, list(numbers, `contexts of row ${number}`))));
  };

  // Lights the lines that ran in the context of that name; no name lights none.
  const light = (name) => {
    for (const line of source.querySelectorAll(".in")) line.classList.remove("in");
    const number = data.names.findIndex((other) => minicov.visible(other) === name);
    const lines = Object.entries(data.lines).filter(([, numbers]) => numbers.includes(number)).map(([line]) => Number(line));
    for (const line of lines) document.getElementById("t" + line).classList.add("in");
    minicov.setGaps(number >= 0 ? lines : null, "lines");
  };

  minicov.openContexts = (page) => {
    const script = page.querySelector("script.contexts");
    if (!script) return;
    data = JSON.parse(script.textContent);
    source = page.querySelector(".source");
    const input = page.querySelector(".by-context input");
    page.querySelector("datalist").append(...data.names.map((name) => make("option", { value: minicov.visible(name) })));
    input.addEventListener("input", () => light(input.value));
    page.querySelector(".lines").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.matches(".k")) toggle(button);
      else if (button.matches(".ran")) toggleRow(button);
      else if (button.closest(".context-list")) { input.value = button.textContent; light(button.textContent); }
    });
  };
})();
