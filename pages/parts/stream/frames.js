
// --- stream: frames of a run under way, asked for together by all figures of the page ---------

const FRAME = 250; // ms: four frames a second, as much as figures of this size redraw calmly
const LONGEST = 2500; // ms between two frames of a run that goes on for long
const LATER_BY = 0.03; // of the time that it has gone on: what changes slowly is looked at less often
const SOON = 100; // ms until the server is asked again, when it had nothing new; then twice that
const QUIET = 1000; // ms at most: a run may wait for its turn
const AGAIN = 2000; // ms until the server is asked again, when it did not answer
const STREAMS = new Map(); // token -> the figure that it brings frames of
let rolling = false;

function follow(figure) {
  const { stream } = figure.data;
  if (figure.stream === stream) return;
  STREAMS.delete(figure.stream);
  figure.stream = stream;
  if (!stream) return;
  STREAMS.set(stream, figure);
  roll(figure.data.streams);
}

// The page names the drawing; what it shows may be here already. The frames of a stream come more
// often than the page is drawn, and while they do, the page's own drawing need not be asked for.
const FRESH = 5000; // ms

function newest(known, data) {
  if (!known) return data;
  const streamed = data.stream && known.stream === data.stream && known.figure;
  if (streamed && (known.drawn > data.drawn || performance.now() - known.brought < FRESH)) {
    const drawn = Math.max(known.drawn, data.drawn);
    const { figure, alt, brought } = known;
    return { ...data, figure, alt, brought, drawn };
  }
  if (known.drawing !== data.drawing) return data;
  return { ...data, figure: known.figure, frames: known.frames };
}

// Asks for the drawing that the page has named; returns whether it is here.
async function bringDrawing(figure) {
  const { data } = figure;
  if (data.figure !== undefined) return true;
  if (figure.asked === data.drawing) return false; // on its way
  figure.asked = data.drawing;
  try {
    const answer = await fetch(data.drawings + data.drawing);
    // The session that drew it is over: the next one names it anew.
    if (!answer.ok) return false;
    const [json, frames] = (await answer.text()).split("\n");
    const now = figure.data;
    if (now.drawing !== data.drawing || now.figure !== undefined) return now.figure !== undefined;
    figure.data = { ...now, figure: json, frames };
    return true;
  } finally {
    if (figure.asked === data.drawing) figure.asked = undefined;
  }
}

async function roll(url) {
  if (rolling) return;
  rolling = true;
  let quiet = SOON;
  const first = performance.now();
  while (STREAMS.size) {
    const began = performance.now();
    let pause = Math.min(Math.max(FRAME, LATER_BY * (began - first)), LONGEST);
    try {
      if (document.hidden || (await bring(url))) {
        quiet = SOON;
      } else {
        pause = quiet;
        quiet = Math.min(2 * quiet, QUIET);
      }
    } catch {
      pause = AGAIN; // the connection is lost: the page says so
    }
    await new Promise((go) => setTimeout(go, Math.max(pause - (performance.now() - began), 20)));
  }
  rolling = false;
}

// Returns whether there was anything new.
async function bring(url) {
  const answer = await fetch(url + [...STREAMS.keys()].join(","));
  if (!answer.ok) throw new Error(answer.statusText);
  let ended;
  let news = false;
  for (const [token, frame] of Object.entries(await answer.json())) {
    const figure = STREAMS.get(token);
    if (!figure || !frame) continue;
    news = true;
    if (!frame.figure) {
      STREAMS.delete(token);
      ended = figure;
    } else if (figure.data.stream === token && frame.drawn > figure.data.drawn) {
      figure.data = { ...figure.data, ...frame, frames: "", brought: performance.now() };
      if (figure.seen) later(figure);
    }
  }
  // The page knows how it ended, and draws it now instead of at its next turn.
  ended?.send("ended", true);
  return news;
}
