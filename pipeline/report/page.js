"use strict";
// Tables whose heads are pressed to sort, panes that a keyboard can scroll, folded parts that print.

const shown = (cell) => {
  const first = cell.querySelector("b") ?? cell;
  const words = [...first.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE || n.nodeName === "B");
  return (words.map((n) => n.textContent).join(" ").trim() || cell.textContent.trim());
};

const asNumber = (text) => {
  const bare = text.replace(/,(?=\d{3})/g, "").replace(/[−–]/g, "-").replace(/%/g, "");
  const found = /^[<>≤≥]?\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)/i.exec(bare.trim());
  return found ? Number(found[1]) : null;
};

const order = (rows, place, up) => {
  const keys = new Map(rows.map((row) => [row, shown(row.cells[place])]));
  const filled = [...keys.values()].filter((key) => key && key !== "–");
  const numeric = filled.length > 0 && filled.every((key) => asNumber(key) !== null);
  const compare = (a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    const [noX, noY] = [!x || x === "–", !y || y === "–"];
    if (noX || noY) return noX - noY; // what is missing stays last, whichever way
    const by = numeric ? asNumber(x) - asNumber(y) : x.localeCompare(y);
    return up ? by : -by;
  };
  return [...rows].sort(compare);
};

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      table.tBodies[0].append(...order([...table.tBodies[0].rows], place, up));
    });
  });
}

const panes = [...document.querySelectorAll(".scroll, .picture, pre")];
const reachable = () => panes.forEach((pane) => {
  if (pane.scrollWidth > pane.clientWidth) pane.tabIndex = 0;
  else pane.removeAttribute("tabindex");
});
reachable();
addEventListener("resize", reachable);
document.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", reachable));

addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not([open])").forEach((part) => {
    part.open = true;
    part.dataset.closed = "";
  });
});
addEventListener("afterprint", () => {
  document.querySelectorAll("details[data-closed]").forEach((part) => {
    part.open = false;
    delete part.dataset.closed;
  });
});
