// --- labels: no text on text ------------------------------------------------------------------
// Goes behind figure.js in one module. A figure's labels stand where they belong; how wide they are
// is known only here, so here those that would cover another text are moved to a free place.

const NEAR = 4; // lines that a label may be moved up or down
const GAP = 1; // pixels between two texts
const MOST = 60; // labels; what writes more is a table, not a figure with labels

// Moves labels of a figure that has just been drawn, and draws them again where any had to.
async function clearLabels(node) {
  const { width, height } = node._fullLayout;
  const all = measured(node);
  const labels = all.filter(({ arrow }) => !arrow);
  if (!labels.length || labels.length > MOST) return;
  const taken = [...node.querySelectorAll(".gtitle, .xtick text, .ytick text, .xtitle, .ytitle")]
    .map((text) => box(node, text))
    .filter((place) => place.right > place.left)
    .concat(all.filter(({ arrow }) => arrow).map(({ place }) => place)); // an arrow leads from it
  const moved = {};
  // What is near the top of the figure keeps its place: titles are read first.
  for (const { index, place } of labels.sort((a, b) => a.place.top - b.place.top)) {
    const aside = Math.max(-place.left, 0) || Math.min(width - place.right, 0);
    const shifts = freeing(shifted(place, aside, 0), taken, height);
    taken.push(shifted(place, aside, shifts));
    if (!aside && !shifts) continue;
    const { xshift = 0, yshift = 0 } = node.layout.annotations[index];
    if (aside) moved[`annotations[${index}].xshift`] = xshift + aside;
    if (shifts) moved[`annotations[${index}].yshift`] = yshift - shifts;
  }
  if (Object.keys(moved).length) await window.Plotly.relayout(node, moved);
}

// The smallest way down (or up, where it is negative) to a place of its own; 0 where there is none.
function freeing(place, taken, height) {
  const line = place.bottom - place.top;
  const ways = [0];
  for (let step = 1; step <= 4 * NEAR; step++) ways.push((-step * line) / 4, (step * line) / 4);
  const free = (way) => {
    const there = shifted(place, 0, way);
    return there.top >= 0 && there.bottom <= height && !taken.some((other) => cover(there, other));
  };
  return ways.find(free) ?? 0;
}

function measured(node) {
  return [...node.querySelectorAll(".annotation")]
    .map((label) => ({ index: Number(label.dataset.index), place: box(node, label) }))
    .filter(({ index, place }) => node.layout.annotations?.[index] && place.right > place.left)
    .map((label) => ({ ...label, arrow: node.layout.annotations[label.index].showarrow }));
}

function box(node, element) {
  const frame = node.getBoundingClientRect();
  const { left, right, top, bottom } = element.getBoundingClientRect();
  return {
    left: left - frame.left,
    right: right - frame.left,
    top: top - frame.top,
    bottom: bottom - frame.top,
  };
}

function shifted({ left, right, top, bottom }, x, y) {
  return { left: left + x, right: right + x, top: top + y, bottom: bottom + y };
}

function cover(a, b) {
  return (
    a.left < b.right + GAP &&
    b.left < a.right + GAP &&
    a.top < b.bottom + GAP &&
    b.top < a.bottom + GAP
  );
}
