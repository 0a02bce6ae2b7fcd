// Makes the page answer: a text for what is pointed at, a cursor along the lines of a chart,
// tables that sort. Without it everything is there all the same.
"use strict";
(() => {
  const svgElement = (name, parent, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    parent.appendChild(element);
    return element;
  };

  // A text beside what has a data-tip.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  document.body.appendChild(tip);
  const showTip = (target) => {
    tip.textContent = target.dataset.tip;
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = `${Math.max(8, Math.min(most, left)) + window.scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 6) + window.scrollY}px`;
  };
  const onTip = (event) => {
    const target = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (target) showTip(target);
    else tip.hidden = true;
  };
  document.addEventListener("pointerover", onTip);
  document.addEventListener("focusin", onTip);
  document.addEventListener("pointerdown", onTip);

  // A cursor that the pointer or the arrow keys move along the lines of a chart.
  const linesOf = (plot) =>
    [...plot.querySelectorAll("g[data-y]")].map((group) => ({
      value: plot.querySelector(`.value[data-series="${group.dataset.series}"]`),
      x: group.dataset.x.split("|"),
      y: group.dataset.y.split("|"),
      at: group.querySelector("polyline").getAttribute("points").split(" ")
        .map((point) => Number(point.split(",")[0])),
    })).filter((line) => line.y[0] !== "");
  const nearest = (places, x) => {
    let best = 0;
    for (let i = 1; i < places.length; ++i) {
      if (Math.abs(places[i] - x) < Math.abs(places[best] - x)) best = i;
    }
    return best;
  };
  const addCursor = (plot) => {
    const lines = linesOf(plot);
    if (lines.length === 0) return;
    const finest = lines.reduce((a, b) => (b.at.length > a.at.length ? b : a));
    const last = lines.map((line) => line.value && line.value.textContent);
    const base = plot.querySelector(".base");
    const bottom = Number(base.getAttribute("y1"));
    const top = Math.min(...[...plot.querySelectorAll(".axes line")].map((l) => Number(l.getAttribute("y1"))));
    let cursor = null;
    let index = finest.at.length - 1;
    const hide = () => {
      if (cursor) cursor.remove();
      cursor = null;
      lines.forEach((line, i) => { if (line.value) line.value.textContent = last[i]; });
    };
    const show = (to) => {
      hide();
      index = Math.max(0, Math.min(finest.at.length - 1, to));
      const x = finest.at[index];
      const text = finest.x[index];
      cursor = svgElement("g", plot, {});
      svgElement("line", cursor, {class: "cursor", x1: x, x2: x, y1: top, y2: bottom});
      const width = 7 * text.length + 8;
      svgElement("rect", cursor, {class: "cursor-x-back", x: x - width / 2, y: bottom + 6, width, height: 14});
      svgElement("text", cursor, {class: "cursor-x", x, y: bottom + 17}).textContent = text;
      for (const line of lines) if (line.value) line.value.textContent = line.y[nearest(line.at, x)];
    };
    plot.setAttribute("tabindex", "0");
    const follow = (event) => {
      const place = new DOMPoint(event.clientX, event.clientY)
        .matrixTransform(plot.getScreenCTM().inverse());
      show(nearest(finest.at, place.x));
    };
    plot.addEventListener("pointermove", follow);
    plot.addEventListener("pointerdown", follow);
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = Math.max(1, Math.round(finest.at.length / 50));
      const to = {ArrowLeft: index - step, ArrowRight: index + step, Home: 0, End: finest.at.length - 1};
      if (event.key === "Escape") hide();
      if (!(event.key in to)) return;
      event.preventDefault();
      show(to[event.key]);
    });
  };
  document.querySelectorAll("svg.plot").forEach(addCursor);

  // Tables: a click on a head sorts by its column, another the other way round.
  const sortBy = (table, column) => {
    const heads = table.tHead.rows[0].cells;
    const rows = [...table.tBodies[0].rows];
    const numeric = rows.some((row) => "value" in row.cells[column].dataset);
    const before = heads[column].getAttribute("aria-sort");
    const up = before ? before === "descending" : !numeric;
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    const sign = up ? 1 : -1;
    rows.sort((first, second) => {
      const [a, b] = [first, second].map((row) => row.cells[column]);
      if (!numeric) return sign * a.textContent.localeCompare(b.textContent);
      const [x, y] = [a, b].map((cell) => Number(cell.dataset.value));
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return sign * (x - y);
    });
    table.tBodies[0].append(...rows);
  };
  document.querySelectorAll("table.sortable").forEach((table) => {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sortBy(table, column));
    });
  });

  // Where one is, in the list of sections.
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      link.setAttribute("aria-current", "true");
      const list = link.closest("ul");
      list.scrollLeft = link.offsetLeft - list.clientWidth / 2;
    }
  }, {rootMargin: "-20% 0px -75% 0px"});
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));

  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((details) => { details.open = true; });
  });
})();
