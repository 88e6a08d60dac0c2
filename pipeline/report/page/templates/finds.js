{% include "map.js" %}

// The browser of matches: a list of queries, the selected one with its images, and the map.
(() => {
  "use strict";
  const section = document.getElementById("finds");
  if (!section) return;
  const data = JSON.parse(document.getElementById("finds-data").textContent);
  const browser = section.querySelector(".browser");
  const control = (name) => browser.querySelector(`[name="${name}"]`);
  const output = browser.querySelector("output");
  const map = mapOf(browser.querySelector(".map"), choose);
  let [evaluation, set, answers, chosen] = [null, null, [], null];

  function element(name, attributes, ...children) {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  }

  // Tenths of what the set counts: metres, or whole frames.
  const told = (tenths) => `${(tenths / 10).toFixed(set.unit === "m" && tenths < 1000 ? 1 : 0)} ${set.unit}`;
  const counted = (number) => number.toLocaleString("en");
  const short = (image) => set.names[image].split("/").slice(2).join("/");

  // The rows of the document are numbers: see matches_document.py.
  function answerOf(row) {
    const finds = [];
    for (let at = 4; at < row.length; at += 4) {
      finds.push({ image: row[at], off: row[at + 1], feature: row[at + 2], right: row[at + 3] === 1 });
    }
    const [query, firstRight, nearest, near] = row;
    const place = [set.places[2 * query], set.places[2 * query + 1]];
    return { query, firstRight, nearest, near, finds, place, right: firstRight === 1 };
  }

  const kinds = {
    all: () => true,
    wrong: (answer) => !answer.right,
    right: (answer) => answer.right,
    pictured: (answer) => answer.query in set.pictures,
  };

  const byName = (one, other) => (set.names[one.query] < set.names[other.query] ? -1 : 1);
  const byWorst = (one, other) =>
    (other.firstRight || Infinity) - (one.firstRight || Infinity) || other.finds[0].off - one.finds[0].off || byName(one, other);
  const orders = { worst: byWorst, best: (one, other) => byWorst(other, one), name: byName };

  function picture(image, alt) {
    const number = set.pictures[image];
    const inside =
      number === undefined
        ? element("p", { textContent: "no image on this page" })
        : element("img", { alt, src: `data:image/jpeg;base64,${data.pictures[number]}` });
    return element("div", { className: "picture" }, inside);
  }

  function figure(kind, image, alt, head, ...lines) {
    const caption = element("figcaption", { title: set.names[image] }, element("b", { textContent: head }));
    for (const line of lines) caption.append(element("div", { textContent: line }));
    return element("figure", { className: kind }, picture(image, alt), caption);
  }

  function found(find, index) {
    const [kind, tick] = find.right ? ["right", "✓"] : ["wrong", "✗"];
    const alt = `match ${index + 1}, ${kind}`;
    return figure(kind, find.image, alt, `${tick} ${index + 1} ${kind}`, told(find.off), `descriptors ${find.feature}`);
  }

  function verdict(answer) {
    if (answer.right) return "right at rank 1";
    return answer.firstRight ? `first right match at rank ${answer.firstRight}` : `no right match among the first ${set.depth}`;
  }

  function inWords(answer) {
    const finds = answer.finds.map((find, index) => `${index + 1} ${find.right ? "right" : "wrong"}, ${told(find.off)} away`);
    const [first, ...rest] = verdict(answer);
    const lost = answer.near > 10 * set.radius ? ` (none is within ${set.radius} ${set.unit})` : "";
    return `${first.toUpperCase()}${rest.join("")}; nearest image ${told(answer.near)} away${lost}. Matches: ${finds.join("; ")}. Query ${set.names[answer.query]}`;
  }

  function showChosen() {
    const place = answers.indexOf(chosen);
    const finds = browser.querySelector(".finds");
    finds.replaceChildren();
    if (chosen) {
      finds.append(
        figure("asked", chosen.query, "query", "query", verdict(chosen)),
        figure("nearest", chosen.nearest, "database image nearest on the ground", "nearest image", told(chosen.near)),
        ...chosen.finds.map(found),
      );
    }
    browser.querySelector(".said").textContent = chosen ? inWords(chosen) : "There is no such query.";
    output.textContent = chosen
      ? `${counted(place + 1)} of ${counted(answers.length)}; ${counted(evaluation.right)} of ${counted(evaluation.queries)} queries are right`
      : `0 queries shown; ${counted(evaluation.right)} of ${counted(evaluation.queries)} queries are right`;
    control("answer").selectedIndex = place;
    control("previous").disabled = place <= 0;
    control("next").disabled = place < 0 || place === answers.length - 1;
    map(set, answers, chosen, control("view").getAttribute("aria-pressed") === "true");
  }

  function choose(answer) {
    chosen = answer;
    showChosen();
  }

  function step(by) {
    const next = answers[answers.indexOf(chosen) + by];
    if (next) choose(next);
  }

  function inList(answer) {
    const rank = answer.right ? "✓" : answer.firstRight ? `✗ at ${answer.firstRight}` : "✗ never";
    return element("option", { textContent: `${rank} · ${told(answer.finds[0].off)} · ${short(answer.query)}` });
  }

  // The answers of the chosen evaluation and kind; the chosen query stays chosen where it is among them.
  function list() {
    const before = chosen && set.names[chosen.query];
    set = data.sets[evaluation.set];
    answers = evaluation.rows.map(answerOf).filter(kinds[control("kind").value]);
    answers.sort(orders[control("order").value]);
    control("answer").replaceChildren(...answers.map(inList));
    const listed = evaluation.rows.length < evaluation.queries ? `${counted(evaluation.rows.length)} of ` : "";
    browser.querySelector(".counted").textContent =
      `${counted(set.counted[1])} database images at ${counted(set.counted[0])} positions; ` +
      `${listed}${counted(evaluation.queries)} queries. Right is within ${set.radius} ${set.unit}: the dotted circle.`;
    choose(answers.find((answer) => set.names[answer.query] === before) ?? answers[0] ?? null);
  }

  function evaluate() {
    const wanted = { set: control("set").selectedIndex, experiment: control("experiment").value };
    evaluation = data.evaluations.find((one) => one.set === wanted.set && one.experiment === wanted.experiment);
    list();
  }

  control("set").append(...data.sets.map((one) => element("option", { textContent: one.name })));
  const experiments = new Set(data.evaluations.map((one) => one.experiment));
  control("experiment").append(...[...experiments].map((name) => element("option", { value: name, textContent: name })));
  for (const name of ["set", "experiment"]) control(name).addEventListener("change", evaluate);
  for (const name of ["kind", "order"]) control(name).addEventListener("change", list);
  control("previous").addEventListener("click", () => step(-1));
  control("next").addEventListener("click", () => step(1));
  control("answer").addEventListener("change", (event) => choose(answers[event.target.selectedIndex]));
  control("view").addEventListener("click", (event) => {
    event.target.setAttribute("aria-pressed", event.target.getAttribute("aria-pressed") !== "true");
    showChosen();
  });
  browser.addEventListener("submit", (event) => event.preventDefault());
  browser.querySelector(".answer").addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  });
  browser.hidden = false;
  evaluate();
})();
