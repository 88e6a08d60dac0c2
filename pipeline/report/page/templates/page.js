(() => {
  "use strict";
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  document.documentElement.classList.add("scripted");

  // Light or dark: as the machine asks for, until somebody asks here; nothing is remembered.
  const theme = document.getElementById("theme");
  const asked = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (asked.matches ? "dark" : "light")) === "dark";
  const tell = () => theme.setAttribute("aria-pressed", String(isDark()));
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    tell();
  });
  asked.addEventListener("change", tell);
  tell();

  // Tables: a heading's button sorts by its column, once more the other way round. What is empty comes last.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return cell ? (cell.dataset.value ?? cell.textContent).trim() : "";
  };
  const words = new Intl.Collator("en", { numeric: true });
  const compare = { number: (a, b) => Number(a) - Number(b), text: words.compare };

  const sort = (table, heading, column, kind, way) => {
    const sign = way === "ascending" ? 1 : -1;
    for (const body of table.tBodies) {
      const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
      rows.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === "");
        return sign * compare[kind](a, b);
      });
      body.append(...rows.map(([, row]) => row));
    }
    for (const other of all("th[aria-sort]", table)) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", way);
  };

  for (const table of all("table.sortable")) {
    for (const heading of all("thead th[data-sort]", table)) {
      const kind = heading.dataset.sort;
      const column = Number(heading.dataset.column ?? heading.cellIndex);
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const first = kind === "number" ? "descending" : "ascending";
        const second = kind === "number" ? "ascending" : "descending";
        sort(table, heading, column, kind, heading.getAttribute("aria-sort") === first ? second : first);
      });
    }
  }

  // Curves: a ticked experiment is drawn.
  const ticks = all("input[data-curve]");
  const draw = (tick) => {
    for (const curve of all(`g[data-curve="${tick.dataset.curve}"]`)) {
      curve.toggleAttribute("hidden", !tick.checked);
    }
  };
  for (const tick of ticks) {
    tick.addEventListener("change", () => draw(tick));
    // Of many experiments only some are ticked at first, and a browser may remember ticks over a reload.
    draw(tick);
  }
  for (const button of all("button[data-curves]")) {
    button.addEventListener("click", () => {
      for (const tick of ticks) {
        tick.checked = button.dataset.curves === "all";
        draw(tick);
      }
    });
  }

  // A digest that has the focus is selected, whole, to be copied.
  for (const digest of all(".digest")) {
    digest.addEventListener("focus", () => getSelection().selectAllChildren(digest));
  }

  // What is wider than its box can be moved by the keyboard too, and fades where more of it lies.
  const fade = (box) => {
    const beyond = box.scrollWidth - box.clientWidth - box.scrollLeft;
    const more = [box.scrollLeft > 1 && "left", beyond > 1 && "right"].filter(Boolean);
    if (more.length) box.dataset.more = more.join(" ");
    else delete box.dataset.more;
  };
  const boxes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
      fade(target);
    }
  });
  for (const box of all(".scroll")) {
    boxes.observe(box);
    box.addEventListener("scroll", () => fade(box), { passive: true });
  }

  // The section that is being read is marked above.
  const links = new Map(all(".bar nav a").map((link) => [link.hash.slice(1), link]));
  const menu = document.querySelector(".bar nav");
  const read = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const link = links.get(target.id);
        if (!isIntersecting) {
          link.removeAttribute("aria-current");
          continue;
        }
        link.setAttribute("aria-current", "true");
        menu.scrollLeft = link.offsetLeft - menu.offsetLeft - (menu.clientWidth - link.offsetWidth) / 2;
      }
    },
    { rootMargin: "-30% 0px -65% 0px" },
  );
  for (const section of all("main > section[id]")) if (links.has(section.id)) read.observe(section);
})();
