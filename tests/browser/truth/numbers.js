// Reads every number that a person sees in the middle of a page: [where it stands, the text that has it], in order.
// Not read: ids, moments, what a graph draws, and what nobody sees. A dash is a number that is not known.
() => {
  const SKIPPED = "time, .id, .chart, svg, select, option, script, style, pre, .bubble, .filters, .example, [hidden], .unseen";
  const BLOCK = "td, th, dd, dt, li, h1, h2, p, summary, label, button, a";
  const said = (element) => (element?.textContent ?? "").replace(/\s+/g, " ").trim();
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(SKIPPED);

  function written(element) {
    const parts = [];
    for (const node of element.childNodes) {
      if (node.nodeType === Node.TEXT_NODE) parts.push(node.textContent);
      else if (node instanceof Element && !node.matches(SKIPPED)) parts.push(node.matches(".actions") ? "" : written(node));
    }
    return parts.join(" ").replace(/\s+/g, " ").trim();
  }

  function place(element) {
    const title = element.closest("section, .card")?.querySelector("h2")?.firstChild;
    const where = [said(title)];
    const cell = element.closest("td");
    const named = element.closest(".tile, .legend div");
    if (cell) {
      const row = cell.parentElement;
      where.push(said(row.querySelector("th[scope=row] .id, .psid") ?? row.querySelector("th[scope=row]") ?? row.cells[0]));
      if (row.querySelector(".outcome")) where[where.length - 1] = [...row.cells].slice(0, 2).map(said).join(" ");
      where.push(said(cell.closest("table").tHead?.rows[0].cells[cell.cellIndex]));
    } else if (element.closest("h1, h2")) where.push("title");
    else if (named) where.push(said(named.querySelector("dt")), ...(element.closest(".note") ? ["note"] : []));
    else if (element.closest("dd")) where.push(said(element.closest("dd").previousElementSibling));
    else where.push(element.closest("li") ? "item" : "text");
    return where.filter(Boolean).join(" / ");
  }

  const found = [];
  const walker = document.createTreeWalker(document.getElementById("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (!/\d|–/.test(walker.currentNode.textContent) || !shown(holder)) continue;
    const whole = holder.closest(BLOCK) ?? holder;
    if (found.at(-1)?.element !== whole) found.push({ element: whole, place: place(holder) });
  }
  return found.map(({ element, place }) => [place, written(element)]);
}
