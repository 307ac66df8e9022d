// Keeps one node per figure and lets Plotly change what differs. Called by Streamlit when the
// component is mounted, and again whenever its data or the page's theme changes.

const FIGURES = new WeakMap(); // node -> what is known about its figure

export default function (component) {
  const { parentElement, data } = component;
  const node = parentElement.querySelector(".gmm-figure");
  if (!node) return undefined;

  let figure = FIGURES.get(node);
  if (!figure) {
    figure = { node, calls: 0, drawn: null };
    FIGURES.set(node, figure);
    SEEN.observe(node);
    node.addEventListener("fullscreenchange", () => {
      // What plays the figure back goes with it.
      const { player } = figure;
      if (player && document.fullscreenElement === node) node.append(player.bar);
      else if (player) node.after(player.bar);
      later(figure);
    });
    figure.observer = new ResizeObserver(() => later(figure));
    figure.observer.observe(node);
    node.addEventListener("pointerdown", () => {
      document
        .querySelectorAll(".gmm-figure[data-touched]")
        .forEach((other) => delete other.dataset.touched);
      node.dataset.touched = "";
    });
  }
  const call = ++figure.calls;
  figure.data = newest(figure.data, data);
  figure.send = component.setTriggerValue;
  figure.colours = readTheme(parentElement);
  node.style.height = `${data.height}px`;
  node.dataset.figure = data.name;
  if (figure.seen) draw(figure);
  follow(figure);

  // Streamlit cleans up after calls that were overtaken, too, and before calls that follow: what
  // is taken down is a figure that has left the page, or the person's zoom would be lost.
  return () =>
    setTimeout(() => {
      if (call !== figure.calls || node.isConnected) return;
      figure.observer.disconnect();
      SEEN.unobserve(node);
      stop(figure);
      STREAMS.delete(figure.stream);
      FIGURES.delete(node);
      if (window.Plotly && figure.drawn) window.Plotly.purge(node);
    });
}

// --- figures out of view: asked for and drawn when they come into it ---------------------------

const SEEN = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const figure = FIGURES.get(target);
      if (!figure) continue;
      figure.seen = isIntersecting;
      if (isIntersecting) draw(figure);
    }
  },
  { rootMargin: "50px" },
);

// Paper has all of them. A browser does not wait with printing, so they are drawn before as well
// when its own dialogue is opened by the keyboard.
function drawAll() {
  for (const node of document.querySelectorAll(".gmm-figure")) {
    const figure = FIGURES.get(node);
    if (!figure || figure.drawn) continue;
    figure.seen = true;
    draw(figure);
  }
}
addEventListener("beforeprint", drawAll);
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "p") drawAll();
});

function later(figure) {
  if (figure.frame) return;
  figure.frame = requestAnimationFrame(() => {
    figure.frame = 0;
    draw(figure);
  });
}

// One drawing after the other: two at once would move each other's labels.
function draw(figure) {
  figure.turn = (figure.turn ?? Promise.resolve()).then(() => drawNow(figure));
  return figure.turn;
}

async function drawNow(figure) {
  const { node } = figure;
  if (!figure.seen) return;
  try {
    const [Plotly, here] = await Promise.all([loadPlotly(figure.data.plotly), bringDrawing(figure)]);
    if (!here || figure.data.figure === undefined) return;
    // Hidden in a tab or an expander: drawn when the observer reports a width.
    const full = document.fullscreenElement === node;
    const edge = full ? 2 * parseFloat(getComputedStyle(node).paddingTop) : 0;
    const width = Math.floor(node.clientWidth - edge);
    const below = figure.data.frames ? 44 : 0; // as high as the player, see figure.css
    const height = full ? Math.floor(node.clientHeight - edge - below) : figure.data.height;
    if (width < 1 || !FIGURES.has(node)) return;
    // Changing the figure under a person's drag would break the drag off.
    if (node._dragging) {
      afterDrag(figure);
      return;
    }
    const now = [width, figure.colours.id, height, figure.data.figure];
    if (figure.drawn && now.every((part, i) => part === figure.drawn[i])) return;
    bringFrames(figure);
    if (figure.failed) node.replaceChildren();
    const { data, layout } = themed(figure);
    applyFrame(figure, data);
    layout.width = width;
    layout.height = height;
    if (full) enlarge(layout);
    layout.autosize = false;
    layout.uirevision = layout.uirevision ?? "kept";
    // A finger on the figure scrolls the page; zoom is then a button of the bar.
    if (matchMedia("(pointer: coarse)").matches) layout.dragmode = layout.dragmode ?? false;
    fitTitle(layout, width, figure.colours.font);
    figure.drawn = now;
    figure.failed = false;
    await Plotly.react(node, data, layout, config(figure));
    await clearLabels(node);
    listen(figure);
    describe(node, figure.data.alt);
    oneStop(node);
    // Paper may be narrower than the screen: the picture is then made smaller, not cut.
    node.style.setProperty("--gmm-ratio", `${width} / ${height}`);
    for (const svg of node.querySelectorAll(".main-svg")) {
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    }
  } catch (error) {
    fail(figure, error);
  }
}

function listen(figure) {
  const { node } = figure;
  if (figure.listening) return;
  figure.listening = true;
  const clickable = (event) => {
    if (!figure.data.clickable) return undefined;
    return event.points.map((p) => p.customdata ?? p.data.meta).find((d) => d !== undefined);
  };
  node.on("plotly_click", (event) => {
    const customdata = clickable(event);
    if (customdata !== undefined) figure.send("clicked", { customdata });
  });
  node.on("plotly_hover", (event) => {
    if (clickable(event) !== undefined) node.dataset.pointing = "";
  });
  node.on("plotly_unhover", () => delete node.dataset.pointing);
}

function afterDrag(figure) {
  if (figure.waiting) return;
  figure.waiting = true;
  const ended = () => {
    window.removeEventListener("mouseup", ended, true);
    window.removeEventListener("touchend", ended, true);
    figure.waiting = false;
    setTimeout(() => draw(figure), 60); // after Plotly's own handler has ended the drag
  };
  window.addEventListener("mouseup", ended, true);
  window.addEventListener("touchend", ended, true);
}

function fail(figure, error) {
  const { node } = figure;
  figure.drawn = null;
  figure.failed = true;
  figure.listening = false; // Plotly forgets its listeners when it is purged
  if (window.Plotly) window.Plotly.purge(node);
  const text = document.createElement("p");
  text.className = "gmm-figure-error";
  text.setAttribute("role", "alert");
  text.textContent = `This figure could not be drawn (${error?.message ?? error}). Reload the page.`;
  node.replaceChildren(text);
}

// plotly.js is large: it is loaded once, by whichever figure is first.
function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.gmmPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () =>
      window.Plotly ? resolve(window.Plotly) : reject(new Error("plotly.js is not whole"));
    script.onerror = () => {
      window.gmmPlotly = undefined; // the next update may try again
      script.remove();
      reject(new Error("plotly.js did not load"));
    };
    document.head.appendChild(script);
  });
  return window.gmmPlotly;
}

// --- theme ---------------------------------------------------------------------------------

function readTheme(element) {
  const css = getComputedStyle(element);
  const read = (name) => css.getPropertyValue(name).trim();
  const text = read("--st-text-color") || css.color;
  const background = read("--st-background-color") || "#ffffff";
  const font = read("--st-font") || "sans-serif";
  const dark = lightness(background) < 128;
  return { text, background, font, dark, id: [text, background, font].join("|") };
}

function channels(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function lightness(colour) {
  const [red, green, blue] = channels(colour);
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

// Tokens are replaced in the text of the JSON, in one pass: numbers travel in base64, which has
// neither "#" nor "(", so large arrays cost no walk.
function themed(figure) {
  const { colours, data } = figure;
  const target = {};
  for (const [token, name] of Object.entries(TOKENS.theme)) target[token] = colours[name];
  if (colours.dark) Object.assign(target, TOKENS.dark);
  const replace = {};
  const patterns = [];
  for (const [token, colour] of Object.entries(target)) {
    const old = channels(token).join(",");
    replace[token.toLowerCase()] = colour;
    replace[`rgba(${old},`] = `rgba(${channels(colour).join(",")},`;
    patterns.push(token, `rgba\\(${old},`);
  }
  const pattern = new RegExp(patterns.join("|"), "gi");
  const json = data.figure.replace(pattern, (found) => replace[found.toLowerCase()]);
  const parsed = JSON.parse(json);
  parsed.layout.font = { ...parsed.layout.font, family: colours.font };
  return parsed;
}

// Plotly does not break titles: on a phone a long one would leave the figure.
function fitTitle(layout, width, family) {
  const text = layout.title?.text;
  if (!text) return;
  const base = layout.template?.layout ?? {};
  const size = layout.title.font?.size ?? base.title?.font?.size ?? 15;
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `700 ${size}px ${family}`;
  const plain = (line) => decode(line.replace(/<[^>]*>/g, ""));
  const fits = (line) => pen.measureText(plain(line)).width <= width - 4;
  const lines = [];
  for (const given of text.split(/<br ?\/?>/)) {
    let line = "";
    for (const word of given.split(/ (?![^<]*>)/)) {
      if (line && !fits(`${line} ${word}`)) {
        lines.push(line);
        line = word;
      } else {
        line = line ? `${line} ${word}` : word;
      }
    }
    lines.push(line);
  }
  if (lines.length < 2) return;
  layout.title.text = lines.join("<br>");
  // Each line of several has its own place, which leaves out the 0.7 em that lower a single one.
  const pad = { ...base.title?.pad, ...layout.title.pad };
  layout.title.pad = { ...pad, t: (pad.t ?? 0) + 0.7 * size };
  const top = layout.margin?.t ?? base.margin?.t ?? 44;
  layout.margin = { ...layout.margin, t: top + Math.ceil((lines.length - 1) * size * 1.3) };
}

// On a projector, text is read from the back of the room.
const LARGER = 1.7;

function enlarge(layout) {
  const template = layout.template?.layout ?? {};
  const size = layout.font?.size ?? template.font?.size ?? 13;
  layout.font = { ...layout.font, size: LARGER * size };
  for (const note of layout.annotations ?? []) {
    note.font = { ...note.font, size: LARGER * (note.font?.size ?? size) };
  }
  const title = layout.title?.font?.size ?? template.title?.font?.size ?? 15;
  layout.title = { ...layout.title, font: { ...layout.title?.font, size: LARGER * title } };
  const margin = { ...template.margin, ...layout.margin };
  layout.margin = Object.fromEntries(
    Object.entries(margin).map(([side, n]) => [side, typeof n === "number" ? LARGER * n : n]),
  );
}

// The buttons of a bar are one stop of the Tab key; arrows lead from one to the next.
function oneStop(node) {
  const buttons = [...node.querySelectorAll(".modebar-btn")];
  buttons.forEach((button, i) => {
    button.tabIndex = i ? -1 : 0;
    if (button.dataset.arrows) return;
    button.dataset.arrows = "";
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const every = [...node.querySelectorAll(".modebar-btn")];
      const next = every[(every.indexOf(button) + step + every.length) % every.length];
      every.forEach((other) => (other.tabIndex = other === next ? 0 : -1));
      next.focus();
    });
  });
}

// The picture is one image with a text alternative; the buttons beside it stay reachable.
function describe(node, alt) {
  if (!FIGURES.get(node)?.data.bar) return ofImage(node, alt);
  // Its title leads there, as a heading of the page.
  let heading = node.previousElementSibling;
  if (!heading) {
    heading = document.createElement("h2");
    heading.className = "gmm-unseen";
    node.before(heading);
  }
  const title = decode((node.layout.title?.text ?? node.dataset.figure).replace(/<[^>]*>/g, " "));
  if (heading.textContent !== title) heading.textContent = title;
  return ofImage(node, alt);
}

function ofImage(node, alt) {
  node.querySelectorAll(".main-svg").forEach((svg, i) => {
    if (i === 0) {
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", alt);
    } else {
      svg.setAttribute("aria-hidden", "true");
    }
  });
}

// --- the bar: zoom, pan, reset; downloads --------------------------------------------------

// 24 x 24 drawings with a letter each, so that the three downloads can be told apart.
const icon = (path) => ({ width: 24, height: 24, path });
const ICONS = {
  png: icon("M4 4h16v16H4zM6 6v9l4-4 3 3 2-2 3 3V6zM15 7.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z"),
  svg: icon("M3 3h5v4h8V3h5v5h-4v8h4v5h-5v-4H8v4H3v-5h4V8H3zM9 9v6h6V9z"),
  full: icon("M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z"),
  csv: icon("M3 4h18v16H3zM5 9v3h4V9zM11 9v3h8V9zM5 14v4h4v-4zM11 14v4h8v-4z"),
};

function config(figure) {
  if (figure.config) return figure.config; // the same object, or Plotly begins anew
  const image = (format, title) => ({
    name: format,
    title,
    icon: { ...ICONS[format], "fill-rule": "evenodd" },
    click: (node) => saveImage(figure, node, format),
  });
  figure.config = {
    displaylogo: false,
    displayModeBar: figure.data.bar ? "hover" : false,
    displayNotifier: false,
    scrollZoom: false,
    doubleClick: "reset",
    responsive: false,
    typesetMath: false,
    showTips: false,
    showSendToCloud: false,
    showEditInChartStudio: false,
    plotlyServerURL: "",
    topojsonURL: "",
    modeBarButtons: [
      ["zoom2d", "pan2d", "resetScale2d"],
      [
        image("png", "Download picture (PNG)"),
        image("svg", "Download drawing (SVG)"),
        {
          name: "csv",
          title: "Download numbers (CSV)",
          icon: ICONS.csv,
          click: (node) => save(`${fileName(node)}.csv`, "text/csv;charset=utf-8", csv(node)),
        },
        {
          name: "full",
          title: "Full screen (Esc to leave)",
          icon: ICONS.full,
          click: (node) =>
            document.fullscreenElement ? document.exitFullscreen() : node.requestFullscreen(),
        },
      ],
    ],
  };
  return figure.config;
}

async function saveImage(figure, node, format) {
  const layout = { ...node.layout, paper_bgcolor: figure.colours.background };
  const { width, height } = node._fullLayout;
  await window.Plotly.downloadImage(
    { data: node.data, layout },
    { format, width, height, scale: format === "png" ? 3 : 1, filename: fileName(node) },
  );
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function decode(text) {
  return new DOMParser().parseFromString(text, "text/html").documentElement.textContent;
}

function fileName(node) {
  const title = decode((node.layout.title?.text ?? "figure").replace(/<[^>]*>/g, " "));
  const name = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return name.slice(0, 80) || "figure";
}

// One row per drawn point: series, what its customdata says, x, y, and z where a grid is drawn.
function csv(node) {
  const traces = node._fullData.filter((trace) => trace.visible === true);
  const withZ = traces.some((trace) => trace.z);
  const id = node.layout.meta?.customdata; // what the numbers in customdata are, such as "start"
  const rows = [["series", ...(id ? [id] : []), "x", "y", ...(withZ ? ["z"] : [])]];
  for (const trace of traces) {
    const name = decode(String(trace.name ?? "").replace(/<[^>]*>/g, ""));
    const { x, y, z } = trace;
    if (z) {
      z.forEach((line, i) => line.forEach((v, j) => rows.push([name, x?.[j] ?? j, y?.[i] ?? i, v])));
    } else {
      const length = Math.max(x?.length ?? 0, y?.length ?? 0);
      for (let i = 0; i < length; i++) {
        if (Number.isNaN(x?.[i]) && Number.isNaN(y?.[i])) continue; // a gap between two curves
        const which = id ? [trace.customdata?.[i] ?? ""] : [];
        rows.push([name, ...which, x ? x[i] : i, y ? y[i] : "", ...(withZ ? [""] : [])]);
      }
    }
  }
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  let text = String(value);
  // A spreadsheet would run such text as a formula.
  if (/^[=+\-@\t\r]/.test(text) && !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    text = `'${text}`;
  }
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
