// A map of a test set, equal scales, north up: the database, its queries, and the selected one with its matches.
function mapOf(box, choose) {
  // Pixels round the places: the scale stands below, the arrow at the right.
  const [LEFT, TOP, RIGHT, BOTTOM] = [26, 26, 40, 42];
  // Pixels within which a click means a query.
  const REACH = 24;
  // Decimetres of the least that is shown around a query.
  const AROUND = 800;
  let drawn = null;

  function sign(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function pairsOf(flat) {
    return Array.from({ length: flat.length / 2 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
  }

  function placeOf(set, image) {
    return [set.places[2 * image], set.places[2 * image + 1]];
  }

  // What is to be seen, as least and greatest east and north.
  function extent(places, least) {
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of places) {
      [west, south] = [Math.min(west, x), Math.min(south, y)];
      [east, north] = [Math.max(east, x), Math.max(north, y)];
    }
    const [wide, high] = [Math.max(0, least - (east - west)) / 2, Math.max(0, least - (north - south)) / 2];
    return [west - wide, south - high, east + wide, north + high];
  }

  function projection([west, south, east, north], width) {
    const [wide, high] = [east - west, north - south];
    const within = width - LEFT - RIGHT;
    const height = Math.round(Math.min(0.8 * width, Math.max(240, (within * high) / wide + TOP + BOTTOM)));
    const scale = Math.min(within / wide, (height - TOP - BOTTOM) / high);
    const left = LEFT + (within - scale * wide) / 2;
    const top = TOP + (height - TOP - BOTTOM - scale * high) / 2;
    const round = (value) => Math.round(10 * value) / 10;
    return {
      width, height, scale,
      of: ([x, y]) => [round(left + scale * (x - west)), round(top + scale * (north - y))],
    };
  }

  function scaleBar(view, unit) {
    const most = view.width / 4 / view.scale / 10;
    const power = 10 ** Math.floor(Math.log10(most));
    const shown = [5, 2, 1].map((times) => times * power).find((length) => length <= most);
    const length = Math.round(10 * shown * view.scale);
    const y = view.height - 12;
    return [
      sign("path", { class: "scale", d: `M14 ${y - 4}v4h${length}v-4` }),
      sign("text", { x: 14 + length / 2, y: y - 7 }, unit === "m" && shown >= 1000 ? `${shown / 1000} km` : `${shown} ${unit}`),
      sign("path", { class: "scale", d: `M${view.width - 18} 34v-22m-5 8l5 -8l5 8` }),
      sign("text", { x: view.width - 18, y: 48 }, "N"),
    ];
  }

  // Finds that fall on the same spot share one label.
  function labels(finds, view) {
    const spots = [];
    finds.forEach((find, index) => {
      const [x, y] = view.of(find.place);
      const words = `${index + 1}${find.right ? "✓" : "✗"}`;
      const spot = spots.find((one) => Math.hypot(one.x - x, one.y - y) < 14);
      if (spot) spot.words += ` ${words}`;
      else spots.push({ x, y, words });
    });
    return spots.map(({ x, y, words }) => {
      const half = 4 * words.length;
      const across = Math.min(view.width - half, Math.max(half, x));
      return sign("text", { class: "rank", x: across, y: y < 24 ? y + 20 : y - 10 }, words);
    });
  }

  function chosenSigns(set, chosen, view) {
    const [x, y] = view.of(chosen.place);
    const finds = chosen.finds.map((find) => ({ ...find, place: placeOf(set, find.image) }));
    const kind = (find) => (find.right ? "right" : "wrong");
    const [nearX, nearY] = view.of(placeOf(set, chosen.nearest));
    return [
      sign("circle", { class: "radius", cx: x, cy: y, r: 10 * set.radius * view.scale }),
      ...finds.map((find) => sign("path", { class: `to ${kind(find)}`, d: `M${x} ${y}L${view.of(find.place)}` })),
      ...finds.map((find) => {
        const [cx, cy] = view.of(find.place);
        return sign("circle", { class: `found ${kind(find)}`, cx, cy, r: 6 });
      }),
      sign("path", { class: "near", d: `M${nearX} ${nearY - 9}l9 9l-9 9l-9 -9z` }),
      sign("circle", { class: "chosen", cx: x, cy: y, r: 10 }),
      ...labels(finds, view),
    ];
  }

  function draw() {
    const { set, answers, chosen, around } = drawn;
    const standpoints = pairsOf(set.standpoints);
    const finds = chosen ? [chosen.nearest, ...chosen.finds.map((find) => find.image)] : [];
    const near = chosen ? [chosen.place, ...finds.map((image) => placeOf(set, image))] : [];
    const whole = [...standpoints, ...answers.map((answer) => answer.place), ...near];
    if (!whole.length) return box.replaceChildren();
    const view = projection(around && chosen ? extent(near, AROUND) : extent(whole, 1), Math.max(240, box.clientWidth));
    const dots = (places) => places.map((place) => `M${view.of(place).join(" ")}h0`).join("");
    const crosses = (places) =>
      places.map((place) => view.of(place)).map(([x, y]) => `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`).join("");
    const placesOf = (right) => answers.filter((answer) => answer.right === right).map((answer) => answer.place);
    const svg = sign("svg", { viewBox: `0 0 ${view.width} ${view.height}`, role: "img", "aria-label": `Map of ${set.name}` });
    svg.append(
      sign("path", { class: "standpoints", d: dots(standpoints) }),
      sign("path", { class: "answered right", d: dots(placesOf(true)) }),
      sign("path", { class: "answered wrong", d: crosses(placesOf(false)) }),
      ...(chosen ? chosenSigns(set, chosen, view) : []),
      ...scaleBar(view, set.unit),
    );
    drawn.view = view;
    box.replaceChildren(svg);
  }

  // The next of several at one place, in the order of the list.
  function after(answers) {
    return answers[(answers.indexOf(drawn.chosen) + 1) % answers.length];
  }

  box.addEventListener("click", (event) => {
    const svg = box.querySelector("svg");
    if (!svg) return;
    const frame = svg.getBoundingClientRect();
    const scale = drawn.view.width / frame.width;
    const [x, y] = [scale * (event.clientX - frame.left), scale * (event.clientY - frame.top)];
    const away = (answer) => {
      const [queryX, queryY] = drawn.view.of(answer.place);
      return Math.hypot(queryX - x, queryY - y);
    };
    const least = Math.min(...drawn.answers.map(away));
    if (least <= REACH) choose(after(drawn.answers.filter((answer) => away(answer) < least + 2)));
  });

  box.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!drawn.chosen || (!way && event.key !== "Enter")) return;
    event.preventDefault();
    const [x, y] = drawn.chosen.place;
    if (!way) return choose(after(drawn.answers.filter(({ place }) => place[0] === x && place[1] === y)));
    let [best, least] = [null, Infinity];
    for (const answer of drawn.answers) {
      const [east, north] = [answer.place[0] - x, answer.place[1] - y];
      const [on, aside] = [way[0] * east + way[1] * north, Math.abs(way[1] * east - way[0] * north)];
      if (on > 0 && aside <= on && on + 2 * aside < least) [best, least] = [answer, on + 2 * aside];
    }
    if (best) choose(best);
  });

  new ResizeObserver(() => drawn && box.clientWidth !== drawn.view?.width && draw()).observe(box);

  return (set, answers, chosen, around) => {
    drawn = { set, answers, chosen, around };
    draw();
  };
}
