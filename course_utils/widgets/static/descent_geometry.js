// Loss surfaces, the paths that optimizers take on them, and contour lines. No document, no model: plain numbers.

/** view: left, right, bottom, top; four wide to three high, so that angles in the picture are true. */
export const SURFACES = {
  "round bowl": {
    formula: "(x² + y²) / 2",
    loss: (x, y) => (x * x + y * y) / 2,
    gradient: (x, y) => [x, y],
    view: [-4, 4, -3, 3], minima: [[0, 0]], start: [-3, 2],
  },
  "long bowl": {
    formula: "(x² + 9y²) / 2",
    loss: (x, y) => (x * x + 9 * y * y) / 2,
    gradient: (x, y) => [x, 9 * y],
    view: [-5, 3, -3, 3], minima: [[0, 0]], start: [-4, 1],
  },
  "curved valley": {
    formula: "((1 − x)² + 5(y − x²)²) / 2",
    loss: (x, y) => ((1 - x) ** 2 + 5 * (y - x * x) ** 2) / 2,
    gradient: (x, y) => [-(1 - x) - 10 * x * (y - x * x), 5 * (y - x * x)],
    view: [-2, 2, -1, 2], minima: [[1, 1]], start: [-1.5, 1],
  },
  "two valleys": {
    formula: "x⁴/4 − x²/2 + 0.15x + y²/2",
    loss: (x, y) => x ** 4 / 4 - (x * x) / 2 + 0.15 * x + (y * y) / 2,
    gradient: (x, y) => [x * x * x - x + 0.15, y],
    view: [-2, 2, -1.5, 1.5], minima: [[-1.067923, 0], [0.9142973, 0]], start: [1.6, 1],
  },
};

/** One step as torch.optim takes it with its defaults: state is an empty object before the first step. */
export const RULES = {
  SGD: (gradient, { rate }) => gradient.map((g) => -rate * g),
  momentum: (gradient, { rate, momentum }, state) => {
    state.v = state.v ? state.v.map((v, i) => momentum * v + gradient[i]) : gradient;
    return state.v.map((v) => -rate * v);
  },
  RMSprop: (gradient, { rate }, state) => {
    state.s = gradient.map((g, i) => 0.99 * (state.s?.[i] ?? 0) + (1 - 0.99) * g * g);
    return gradient.map((g, i) => (-rate * g) / (Math.sqrt(state.s[i]) + 1e-8));
  },
  Adam: (gradient, { rate }, state) => {
    state.t = (state.t ?? 0) + 1;
    state.m = gradient.map((g, i) => (state.m?.[i] ?? 0) + (1 - 0.9) * (g - (state.m?.[i] ?? 0)));
    state.s = gradient.map((g, i) => 0.999 * (state.s?.[i] ?? 0) + (1 - 0.999) * g * g);
    const size = rate / (1 - 0.9 ** state.t);
    const root = Math.sqrt(1 - 0.999 ** state.t);
    return gradient.map((_, i) => (-size * state.m[i]) / (Math.sqrt(state.s[i]) / root + 1e-8));
  },
};

const FAR = 1e6; // beyond this a path has gone to infinity, and ends

/** The path as a list of points, the start first; shorter than steps + 1 where it goes beyond FAR. */
export function descend({ surface, rule, x, y, rate, momentum, steps }) {
  const points = [[x, y]];
  const state = {};
  for (let step = 0; step < steps; step += 1) {
    const [x0, y0] = points[step];
    const [dx, dy] = RULES[rule](SURFACES[surface].gradient(x0, y0), { rate, momentum }, state);
    const next = [x0 + dx, y0 + dy];
    if (!next.every((value) => Math.abs(value) <= FAR)) break;
    points.push(next);
  }
  return points;
}

/** The step from which on a path is outside the picture and never comes back; null if it ends inside. */
export function leftAt([left, right, bottom, top], points, steps) {
  const last = points.findLastIndex(([x, y]) => left <= x && x <= right && bottom <= y && y <= top);
  return last === steps ? null : last + 1;
}

/** The largest difference between two paths, relative where the numbers are larger than 1, and its step. */
export function compare(ours, theirs) {
  let worst = { difference: 0, step: 0 };
  for (let step = 0; step < Math.max(ours.length, theirs.length); step += 1) {
    if (!ours[step] || !theirs[step]) return { difference: Infinity, step };
    for (const axis of [0, 1]) {
      const [a, b] = [ours[step][axis], theirs[step][axis]];
      const difference = Math.abs(a - b) / Math.max(1, Math.abs(b));
      if (!(difference < Infinity)) return { difference: Infinity, step };
      if (difference > worst.difference) worst = { difference, step };
    }
  }
  return worst;
}

/** The surface on a grid of (columns + 1)·(rows + 1) points, rows from the top: {values, low, high}. */
export function heights({ loss, view: [left, right, bottom, top] }, columns, rows) {
  const values = Array.from({ length: rows + 1 }, (_, j) => Array.from({ length: columns + 1 }, (_, i) =>
    loss(left + ((right - left) * i) / columns, top - ((top - bottom) * j) / rows)));
  const all = values.flat();
  return { values, low: Math.min(...all), high: Math.max(...all) };
}

/** Heights for contour lines, closer together near the bottom, where a path ends. */
export function levels({ low, high }, count = 11) {
  return Array.from({ length: count }, (_, k) => low + (high - low) * ((k + 0.6) / count) ** 2.2);
}

/** The line at one height through a grid of values, as pieces [x1, y1, x2, y2] in cells (marching squares). */
export function contour(values, level) {
  const pieces = [];
  for (let j = 0; j + 1 < values.length; j += 1) {
    for (let i = 0; i + 1 < values[0].length; i += 1) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const crossings = [];
      corners.forEach(([x, y], k) => {
        const [x2, y2] = corners[(k + 1) % 4];
        const [a, b] = [values[y][x], values[y2][x2]];
        if (a < level === b < level) return;
        const t = (level - a) / (b - a);
        crossings.push(x + t * (x2 - x), y + t * (y2 - y));
      });
      for (let k = 0; k < crossings.length; k += 4) pieces.push(crossings.slice(k, k + 4));
    }
  }
  return pieces;
}
