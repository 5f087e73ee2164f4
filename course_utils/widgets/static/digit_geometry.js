// From pen strokes to a picture in the form of MNIST's; mnist_form.py says how and why, and does the same.

export const PAD = 280; // the pad's side, in the units of strokes and pen
export const SHEET = 140; // pixels along the sheet onto which the strokes are inked
export const SIDE = 28;
const BOX = 20;
const MIDDLE = 14;

/** Strokes, each [x0, y0, x1, y1, ...], drawn with a round pen this wide: SHEET×SHEET bytes, 255 is ink. */
export function ink(strokes, pen) {
  const unit = PAD / SHEET;
  const radius = pen / 2 / unit;
  const margin = radius + 1;
  const nearest = new Float64Array(SHEET * SHEET).fill(Infinity);
  for (const stroke of strokes) {
    for (let at = 0; at + 1 < stroke.length; at += 2) {
      const last = at + 3 < stroke.length ? at + 2 : at;
      if (last === at && at > 0) break; // the last point begins no segment, unless it is the only one
      const [x0, y0, x1, y1] = [stroke[at], stroke[at + 1], stroke[last], stroke[last + 1]].map((v) => v / unit);
      const [dx, dy] = [x1 - x0, y1 - y0];
      const square = Math.max(dx * dx + dy * dy, 1e-12);
      const [left, right] = [Math.max(0, Math.floor(Math.min(x0, x1) - margin)), Math.max(x0, x1) + margin];
      const [top, bottom] = [Math.max(0, Math.floor(Math.min(y0, y1) - margin)), Math.max(y0, y1) + margin];
      for (let row = top; row < SHEET && row <= bottom; row++) {
        for (let column = left; column < SHEET && column <= right; column++) {
          const [x, y] = [column + 0.5, row + 0.5];
          const part = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / square));
          const apart = Math.sqrt((x - x0 - part * dx) ** 2 + (y - y0 - part * dy) ** 2);
          if (apart < nearest[row * SHEET + column]) nearest[row * SHEET + column] = apart;
        }
      }
    }
  }
  return Uint8Array.from(nearest, (apart) => Math.floor(Math.min(1, Math.max(0, radius - apart + 0.5)) * 255 + 0.5));
}

/** Ink on a square sheet, brought into MNIST's form: SIDE×SIDE bytes. No ink gives an empty picture. */
export function centred(sheet) {
  const size = Math.sqrt(sheet.length);
  const picture = new Uint8Array(SIDE * SIDE);
  let [top, bottom, left, right] = [size, -1, size, -1];
  for (let at = 0; at < sheet.length; at++) {
    if (!sheet[at]) continue;
    const [row, column] = [Math.floor(at / size), at % size];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
    [left, right] = [Math.min(left, column), Math.max(right, column)];
  }
  if (bottom < 0) return picture;
  const [high, wide] = [bottom + 1 - top, right + 1 - left];
  const step = Math.max(high, wide) / BOX; // sheet pixels to one pixel of the box
  const [down, across] = [shares(top, step, size), shares(left, step, size)];
  const box = new Uint8Array(BOX * BOX);
  let [mass, rowMass, columnMass] = [0, 0, 0];
  for (let row = 0; row < BOX; row++) {
    for (let column = 0; column < BOX; column++) {
      let sum = 0;
      for (const [y, height] of down[row]) for (const [x, width] of across[column]) sum += height * width * sheet[y * size + x];
      const value = Math.floor(sum + 0.5);
      box[row * BOX + column] = value;
      mass += value;
      rowMass += value * row;
      columnMass += value * column;
    }
  }
  const [tall, broad] = [high, wide].map((extent) => Math.min(BOX, Math.ceil(extent / step)));
  const shift = (moment, extent) => {
    const centre = mass ? Math.floor(moment / mass + 0.5) : BOX / 2;
    return Math.min(SIDE - extent, Math.max(0, MIDDLE - centre));
  };
  const [below, beside] = [shift(rowMass, tall), shift(columnMass, broad)];
  for (let row = 0; row < tall; row++) {
    picture.set(box.subarray(row * BOX, row * BOX + broad), (row + below) * SIDE + beside);
  }
  return picture;
}

/** For each box pixel, from start + i·step to the next: the sheet pixels that it covers, with their shares. */
function shares(start, step, length) {
  return Array.from({ length: BOX }, (_, i) => {
    const [from, to] = [start + i * step, start + (i + 1) * step];
    const covered = [];
    for (let pixel = Math.max(0, Math.floor(from)); pixel < Math.min(length, to); pixel++) {
      const overlap = Math.min(to, pixel + 1) - Math.max(from, pixel);
      if (overlap > 0) covered.push([pixel, overlap / step]);
    }
    return covered;
  });
}
