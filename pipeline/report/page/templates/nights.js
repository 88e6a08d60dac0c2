// Night images: each pair becomes a slider, and the pairs can be filtered.
(() => {
  "use strict";
  const section = document.getElementById("nights");
  if (!section) return;
  const pairs = [...section.querySelectorAll(".pair")];
  const controls = section.querySelector(".controls");
  const choices = [...controls.querySelectorAll("select")];
  const search = controls.querySelector("input[type=search]");
  const grid = controls.querySelector("input[name=grid]");
  const said = controls.querySelector("output");

  function element(name, attributes) {
    return Object.assign(document.createElement(name), attributes);
  }

  // A day over its night; with a true night there are three ways to lay one over another.
  function slider(pair) {
    const seen = pair.querySelector(".seen");
    const pictures = [...seen.children];
    const words = pictures.map((picture) => picture.querySelector("span").textContent);
    const about = pair.querySelector("figcaption").textContent;
    const range = element("input", { type: "range", min: 0, max: 100, step: 1, value: 50 });
    const handle = element("div", { className: "handle" });
    let shown = [0, 1];

    function cut() {
      const [over, under] = shown;
      seen.style.setProperty("--cut", `${range.value}%`);
      range.setAttribute("aria-valuetext", `${range.value} % ${words[over]}, ${100 - range.value} % ${words[under]}`);
    }

    function lay(over, under) {
      shown = [over, under];
      pictures.forEach((picture, index) => {
        picture.classList.toggle("over", index === over);
        picture.classList.toggle("under", index === under);
      });
      range.setAttribute("aria-label", `${words[over]} over ${words[under]}: ${about}`);
      cut();
    }

    function drag(event) {
      const box = seen.getBoundingClientRect();
      range.value = Math.round((100 * (event.clientX - box.left)) / box.width);
      cut();
    }

    range.addEventListener("input", cut);
    seen.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !pair.classList.contains("sliding")) return;
      seen.setPointerCapture(event.pointerId);
      drag(event);
    });
    seen.addEventListener("pointermove", (event) => {
      if (seen.hasPointerCapture(event.pointerId)) drag(event);
    });
    handle.append(range);
    if (pictures.length === 3) {
      const which = element("select", {});
      which.setAttribute("aria-label", `which two images: ${about}`);
      for (const [over, under] of [[0, 1], [0, 2], [1, 2]]) {
        which.append(element("option", { value: `${over} ${under}`, textContent: `${words[over]} | ${words[under]}` }));
      }
      which.addEventListener("change", () => lay(...which.value.split(" ").map(Number)));
      handle.append(which);
    }
    seen.after(handle);
    lay(0, 1);
  }

  function choose() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    for (const pair of pairs) {
      const fits = choices.every((choice) => !choice.value || pair.dataset[choice.dataset.key] === choice.value);
      pair.hidden = !(fits && pair.dataset.name.toLowerCase().includes(wanted));
      pair.classList.toggle("sliding", !grid.checked);
      count += pair.hidden ? 0 : 1;
    }
    said.textContent = `${count} of ${pairs.length} pairs`;
  }

  pairs.forEach(slider);
  controls.hidden = false;
  controls.addEventListener("input", choose);
  controls.addEventListener("submit", (event) => event.preventDefault());
  choose();
})();
