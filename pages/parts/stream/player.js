// --- playing a fit back --------------------------------------------------------------------
// Goes behind figure.js in one module. The server sends a fit's parameters at every frame; the
// curves and ellipses of a frame are computed here, so that playing asks the server nothing.

const SECONDS = 8; // for the whole fit, however many frames it has
const SPEEDS = [1, 2, 0.25, 0.5];
// Of the time, the part that frames share evenly; the rest goes to those that change the picture.
const EVEN = 0.15;

// Takes over what the server says of the frames; called with every update of the figure.
function bringFrames(figure) {
  const text = figure.data.frames ?? "";
  if (!text) return;
  if (!figure.player) buildPlayer(figure);
  const player = figure.player;
  if (text === player.text) return;
  stop(figure);
  player.text = text;
  player.frames = JSON.parse(text);
  player.clock = clockOf(player.frames);
  player.at = player.frames.steps.length - 1;
  player.slider.max = String(player.at);
  tell(figure);
}

function buildPlayer(figure) {
  const bar = document.createElement("div");
  bar.className = "gmm-player";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Play the fit back");
  const button = document.createElement("button");
  button.type = "button";
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = "0";
  slider.setAttribute("aria-label", "Frame of the fit");
  const said = document.createElement("span");
  said.className = "gmm-player-said";
  const speed = document.createElement("button");
  speed.type = "button";
  const loop = document.createElement("button");
  loop.type = "button";
  loop.textContent = "\u21bb";
  loop.title = "Play again and again";
  loop.setAttribute("aria-label", "Loop");
  loop.setAttribute("aria-pressed", "false");
  bar.append(button, speed, loop, slider, said);
  figure.node.after(bar);
  figure.player = { bar, button, speed, loop, slider, said, at: 0, pace: 0, tick: 0 };
  tellSpeed(figure.player);
  speed.addEventListener("click", () => {
    figure.player.pace = (figure.player.pace + 1) % SPEEDS.length;
    tellSpeed(figure.player);
    if (figure.player.tick) {
      stop(figure);
      play(figure);
    }
  });
  loop.addEventListener("click", () => {
    const on = loop.getAttribute("aria-pressed") !== "true";
    loop.setAttribute("aria-pressed", String(on));
  });
  button.addEventListener("click", () => (figure.player.tick ? stop(figure) : play(figure)));
  slider.addEventListener("input", () => {
    stop(figure);
    seek(figure, Number(slider.value));
  });
}

function play(figure) {
  const { player } = figure;
  const last = player.frames.steps.length - 1;
  if (player.at >= last) player.at = 0;
  const whole = (SECONDS * 1000) / SPEEDS[player.pace];
  let began = performance.now() - player.clock[player.at] * whole;
  const tick = async () => {
    const now = (performance.now() - began) / whole;
    let at = player.at;
    while (at < last && player.clock[at + 1] <= now) at += 1;
    await seek(figure, at);
    if (!player.tick) return; // stopped meanwhile
    if (at === last && player.loop.getAttribute("aria-pressed") === "true") {
      // The end stands for a moment before it begins again.
      if (now > 1.15) {
        began = performance.now();
        player.at = 0;
      }
    } else if (at === last) {
      stop(figure);
      return;
    }
    player.tick = requestAnimationFrame(tick);
  };
  player.tick = requestAnimationFrame(tick);
  tell(figure);
}

function tellSpeed({ speed, pace }) {
  speed.textContent = `${SPEEDS[pace]}\u00d7`;
  speed.setAttribute("aria-label", `Speed ${SPEEDS[pace]}`);
}

// When each frame comes, from 0 to 1. A fit moves far in its first steps and hardly in its last
// ones: at one pace for all, the story would be over in a moment.
function clockOf({ steps, weights, locs, scale_tril: factors }) {
  const far = steps.map((_, i) => (i ? Math.sqrt(distance(i)) : 0));
  const total = far.reduce((sum, d) => sum + d, 0) || 1;
  let passed = 0;
  return far.map((d, i) => {
    passed += d / total;
    const even = i / Math.max(steps.length - 1, 1);
    return Math.min(EVEN * even + (1 - EVEN) * passed, 1);
  });

  function distance(i) {
    let sum = 0;
    for (let k = 0; k < weights[i].length; k++) {
      sum += Math.abs(weights[i][k] - weights[i - 1][k]);
      for (let d = 0; d < locs[i][k].length; d++) {
        const scale = Math.abs(factors[i][k][d][d]) || 1;
        sum += Math.abs(locs[i][k][d] - locs[i - 1][k][d]) / scale;
        sum += Math.abs(Math.log(scale / (Math.abs(factors[i - 1][k][d][d]) || 1)));
      }
    }
    return Number.isFinite(sum) ? sum : 0;
  }
}

function stop(figure) {
  const { player } = figure;
  if (!player?.tick) return;
  cancelAnimationFrame(player.tick);
  player.tick = 0;
  tell(figure);
}

async function seek(figure, at) {
  const { node, player } = figure;
  const moved = at !== player.at;
  player.at = at;
  tell(figure);
  if (!moved || !figure.drawn || !FIGURES.has(node)) return;
  const changes = frameOf(player.frames, at);
  const traces = changes.map((change) => change.trace);
  const update = { x: changes.map((c) => c.x), y: changes.map((c) => c.y) };
  await window.Plotly.restyle(node, update, traces);
  describe(node, figure.data.alt);
}

// Puts the frame in view into a figure that is about to be drawn.
function applyFrame(figure, traces) {
  const { player } = figure;
  if (!player || player.at === player.frames.steps.length - 1) return;
  for (const { trace, x, y } of frameOf(player.frames, player.at)) {
    Object.assign(traces[trace], { x, y });
  }
}

function tell(figure) {
  const { frames, at, slider, said, button, tick } = figure.player;
  const loss = frames.loss[at];
  const text = `step ${frames.steps[at]} of ${frames.steps.at(-1)}`;
  const words = loss === null ? text : `${text}, loss ${Number(loss.toPrecision(5))}`;
  slider.value = String(at);
  slider.setAttribute("aria-valuetext", words);
  said.textContent = words.replaceAll("-", "\u2212");
  const label = tick ? "Pause" : "Play";
  if (button.dataset.label === label) return;
  button.dataset.label = label;
  button.textContent = `${tick ? "\u275a\u275a" : "\u25b6"} ${label}`;
  button.setAttribute("aria-label", label);
}

// What moves at a frame: [{trace, x, y}].
function frameOf(frames, at) {
  const weights = frames.weights[at];
  const locs = frames.locs[at];
  const factors = frames.scale_tril[at];
  const changes = [];
  frames.traces.forEach((shown, trace) => {
    if (!shown) return;
    if (shown.is === "cursor") {
      changes.push({ trace, x: [frames.steps[at]], y: [frames.loss[at]] });
    } else if (shown.is === "density") {
      const y = new Float64Array(frames.grid.length);
      for (const k of shown.of) addDensity(y, frames.grid, weights[k], locs[k][0], factors[k][0][0]);
      const x = inTable(frames.grid, frames.axes[0]);
      changes.push({ trace, x, y: Array.from(y, (height, i) => height * frames.heights[i]) });
    } else if (shown.is === "ellipse") {
      const k = shown.of[0];
      const { x, y } = ellipse(locs[k], factors[k], shown.radius, frames.turns);
      changes.push({ trace, x: inTable(x, frames.axes[0]), y: inTable(y, frames.axes[1]) });
    }
  });
  return changes;
}

// Takes fitted values to the units of the table, between the numbers that the server gave.
function inTable(values, way) {
  if (!way) return values;
  const last = way.to.length - 1;
  return values.map((z) => {
    const at = Math.min(Math.max((z - way.from) / way.step, 0), last);
    const i = Math.min(Math.floor(at), last - 1);
    return way.to[i] + (at - i) * (way.to[i + 1] - way.to[i]);
  });
}

function addDensity(y, grid, weight, loc, scale) {
  const peak = weight / (scale * Math.sqrt(2 * Math.PI));
  for (let i = 0; i < grid.length; i++) {
    const z = (grid[i] - loc) / scale;
    y[i] += peak * Math.exp(-0.5 * z * z);
  }
}

function ellipse(loc, factor, radius, turns) {
  const x = [];
  const y = [];
  for (let i = 0; i < turns; i++) {
    const turn = (2 * Math.PI * i) / (turns - 1);
    const u = radius * Math.cos(turn);
    const v = radius * Math.sin(turn);
    x.push(loc[0] + factor[0][0] * u);
    y.push(loc[1] + factor[1][0] * u + factor[1][1] * v);
  }
  return { x, y };
}
