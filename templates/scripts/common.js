"use strict";
// What all pages share: counts and percentages, the theme, keys and their help, what is remembered between pages.
const minicov = {};

// A percentage as minicov writes it everywhere: half to even, but never 0 or 100 for what is not exactly that.
minicov.display = (percent, precision) => {
  const step = 1 / 10 ** precision;
  if (0 < percent && percent < step) return step.toFixed(precision);
  if (100 - step < percent && percent < 100) return (100 - step).toFixed(precision);
  const scaled = percent * 10 ** precision;
  // toFixed rounds halves up; a half is one exactly if the percentage is a multiple of its last binary digit.
  const half = scaled % 1 === 0.5 && Number.isInteger(percent * 2 ** (precision + 1));
  if (half && Math.floor(scaled) % 2 === 0) return (Math.floor(scaled) / 10 ** precision).toFixed(precision);
  return percent.toFixed(precision);
};
minicov.percent = (covered, all) => (all === 0 ? 100 : (100 * covered) / all);
minicov.grade = (percent) => (percent >= 90 ? "good" : percent >= 75 ? "fair" : "bad");

// A name with characters that nobody can see, or that change the order of others, shown as what they are.
minicov.visible = (text) => text
  .replace(/[\u0000-\u001f]/g, (character) => String.fromCharCode(0x2400 + character.charCodeAt(0)))
  .replace(/[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => "U+" + character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0"));

// An element; children are nodes or text, never markup.
minicov.make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
};

// What stays from page to page, where the browser lets it.
minicov.remember = (key, value) => {
  try { localStorage.setItem("minicov." + key, value); } catch { /* private windows and strict settings have no storage */ }
};
minicov.recall = (key) => {
  try { return localStorage.getItem("minicov." + key); } catch { return null; }
};

minicov.themes = ["auto", "light", "dark"];
minicov.setTheme = (theme) => {
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  minicov.remember("theme", theme);
  for (const button of document.querySelectorAll(".theme")) button.textContent = "◐ " + theme;
  document.dispatchEvent(new Event("themechange"));
};
minicov.nextTheme = () => {
  const at = minicov.themes.indexOf(document.documentElement.dataset.theme || "auto");
  minicov.setTheme(minicov.themes[(at + 1) % minicov.themes.length]);
};

// Keys of the page that is shown: [keys, what they do, action]. The help lists them in this order.
minicov.keys = [];
minicov.globalKeys = [
  [["t"], "switch between light and dark", () => minicov.nextTheme()],
  [["?"], "show or hide this help", () => minicov.toggleHelp()],
];
minicov.toggleHelp = () => {
  const dialog = document.getElementById("help");
  if (dialog.open) { dialog.close(); return; }
  const list = dialog.querySelector("dl");
  list.replaceChildren(...[...minicov.keys, ...minicov.globalKeys].flatMap(([keys, what]) => [
    minicov.make("dt", {}, ...keys.map((key) => minicov.make("kbd", {}, key))),
    minicov.make("dd", {}, what),
  ]));
  dialog.showModal();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  if (target.matches("input, textarea, select")) {
    if (event.key === "Escape" && target.type !== "checkbox") target.blur();
    if (target.type !== "checkbox") return;
  }
  if (document.getElementById("help").open && event.key !== "?") return;
  for (const [keys, , action] of [...minicov.keys, ...minicov.globalKeys]) {
    const at = keys.indexOf(event.key);
    if (at >= 0) {
      event.preventDefault();
      action(event.key);
      return;
    }
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest(".theme")) minicov.nextTheme();
  if (event.target.closest(".keys")) minicov.toggleHelp();
  if (event.target.id === "help") event.target.close();
});

document.addEventListener("DOMContentLoaded", () => minicov.setTheme(minicov.recall("theme") || "auto"));
