"use strict";
// A report in a single file: pages of files wait in templates, and `#f3.t14` shows the fourth one at line 14.
(() => {
  let index = null;
  const route = () => {
    const [, number, , line] = location.hash.match(/^#f(\d+)(\.t(\d+))?$/) || [];
    const template = number !== undefined && document.getElementById("f" + number);
    const shown = document.getElementById("page");
    if (!template) {
      if (document.body.classList.contains("file-page")) {
        shown.replaceChildren(...index);
        document.body.className = "index";
        minicov.index.restore();
      }
      return;
    }
    if (document.body.classList.contains("index")) index = [...shown.childNodes];
    if (shown.dataset.file !== number || document.body.classList.contains("index")) {
      shown.replaceChildren(template.content.cloneNode(true));
      shown.dataset.file = number;
      document.body.className = "file-page";
      minicov.openFile(document.body, Number(line || 0));
    } else if (line) {
      minicov.visitLine(Number(line));
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    if (!document.getElementById("page")) return;
    route();
    addEventListener("hashchange", route);
    // Anchors of lines are written for pages of their own.
    document.addEventListener("click", (event) => {
      const anchor = event.target.closest("a[href^='#t']");
      const up = event.target.closest("a.up");
      if (!anchor && !up) return;
      event.preventDefault();
      location.hash = up ? minicov.indexHash || "" : "#f" + document.getElementById("page").dataset.file + "." + anchor.getAttribute("href").slice(1);
    });
  });
})();
