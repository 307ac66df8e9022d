
// --- film: frames of a run under way, asked for together by all figures of the page ---------

const FRAME = 250; // ms: four frames a second, as much as figures of this size redraw calmly
const SOON = 100; // ms until the server is asked again, when it had nothing new; then twice that
const QUIET = 1000; // ms at most: a run may wait for its turn
const AGAIN = 2000; // ms until the server is asked again, when it did not answer
const FILMS = new Map(); // token -> the figure that it brings frames of
let rolling = false;

function follow(figure) {
  const { film } = figure.data;
  if (figure.film === film) return;
  FILMS.delete(figure.film);
  figure.film = film;
  if (!film) return;
  FILMS.set(film, figure);
  roll(figure.data.films);
}

// The page may bring a frame that is older than the last one of its film.
function newest(known, data) {
  const later = known && data.film && known.film === data.film && known.drawn > data.drawn;
  return later ? { ...data, figure: known.figure, alt: known.alt, drawn: known.drawn } : data;
}

async function roll(url) {
  if (rolling) return;
  rolling = true;
  let quiet = SOON;
  while (FILMS.size) {
    const began = performance.now();
    let pause = FRAME;
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
  const answer = await fetch(url + [...FILMS.keys()].join(","));
  if (!answer.ok) throw new Error(answer.statusText);
  let ended;
  let news = false;
  for (const [token, frame] of Object.entries(await answer.json())) {
    const figure = FILMS.get(token);
    if (!figure || !frame) continue;
    news = true;
    if (!frame.figure) {
      FILMS.delete(token);
      ended = figure;
    } else if (figure.data.film === token && frame.drawn > figure.data.drawn) {
      figure.data = { ...figure.data, ...frame };
      later(figure);
    }
  }
  // The page knows how it ended, and draws it now instead of at its next turn.
  ended?.send("ended", true);
  return news;
}
