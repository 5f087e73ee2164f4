// Numbers as pixels: palettes, and many small maps on one sheet.

// matplotlib's cividis (Nuñez, Anderton and Renslow 2018): [place, red, green, blue]; between them, straight lines.
const CIVIDIS = [[0, 0, 34, 78], [20, 0, 48, 112], [23, 1, 50, 113], [30, 22, 55, 112], [47, 49, 67, 109],
  [97, 98, 101, 111], [138, 134, 131, 121], [186, 182, 169, 111], [224, 222, 201, 88], [247, 248, 223, 60],
  [252, 254, 228, 52], [255, 254, 232, 56]];
const palettes = {};

/** 256 colours in a row, three bytes each: palette("cividis") or palette("grey"). */
export function palette(name) {
  if (palettes[name]) return palettes[name];
  const colours = new Uint8ClampedArray(256 * 3);
  let stop = 0;
  for (let value = 0; value < 256; value++) {
    if (value > CIVIDIS[stop + 1][0]) stop += 1;
    const [left, right] = [CIVIDIS[stop], CIVIDIS[stop + 1]];
    const share = (value - left[0]) / (right[0] - left[0]);
    for (let part = 0; part < 3; part++) {
      const mixed = left[part + 1] + share * (right[part + 1] - left[part + 1]);
      colours[3 * value + part] = name === "grey" ? value : mixed;
    }
  }
  palettes[name] = colours;
  return colours;
}

/** Where everything lies on a sheet of `count` tiles, `rows`×`columns` cells each, in `across` columns of tiles. */
export function sheetLayout(count, rows, columns, across, cell, gap = 3) {
  const [wide, high] = [columns * cell + gap, rows * cell + gap];
  const down = Math.ceil(count / across);
  return { count, rows, columns, across, cell, gap, wide, high, width: across * wide + gap, height: down * high + gap };
}

/** The upper left corner of a cell: [x, y]. */
export function cornerOf(layout, tile, row = 0, column = 0) {
  return [layout.gap + (tile % layout.across) * layout.wide + column * layout.cell,
    layout.gap + Math.floor(tile / layout.across) * layout.high + row * layout.cell];
}

/** The cell at a point, [tile, row, column], or null beside all tiles. */
export function cellAt(layout, x, y) {
  const [across, down] = [Math.floor((x - layout.gap) / layout.wide), Math.floor((y - layout.gap) / layout.high)];
  const tile = down * layout.across + across;
  if (across < 0 || down < 0 || across >= layout.across || tile >= layout.count) return null;
  const [left, top] = cornerOf(layout, tile);
  const [row, column] = [Math.floor((y - top) / layout.cell), Math.floor((x - left) / layout.cell)];
  return row < layout.rows && column < layout.columns ? [tile, row, column] : null;
}

/** The sheet's pixels, RGBA, clear between the tiles. colourOf(place, rgb) writes the colour of one cell. */
export function sheetPixels(layout, colourOf) {
  const pixels = new Uint8ClampedArray(layout.width * layout.height * 4);
  const rgb = [0, 0, 0];
  for (let tile = 0; tile < layout.count; tile++) {
    for (let row = 0; row < layout.rows; row++) {
      for (let column = 0; column < layout.columns; column++) {
        colourOf((tile * layout.rows + row) * layout.columns + column, rgb);
        const [x, y] = cornerOf(layout, tile, row, column);
        for (let down = 0; down < layout.cell; down++) {
          let at = ((y + down) * layout.width + x) * 4;
          for (let right = 0; right < layout.cell; right++, at += 4) {
            pixels[at] = rgb[0];
            pixels[at + 1] = rgb[1];
            pixels[at + 2] = rgb[2];
            pixels[at + 3] = 255;
          }
        }
      }
    }
  }
  return pixels;
}

/** A colourOf for one byte a cell. */
export function byPalette(bytes, name) {
  const colours = palette(name);
  return (place, rgb) => {
    for (let part = 0; part < 3; part++) rgb[part] = colours[3 * bytes[place] + part];
  };
}

/** A colourOf for three bytes a cell. */
export function byChannels(bytes) {
  return (place, rgb) => {
    for (let part = 0; part < 3; part++) rgb[part] = bytes[3 * place + part];
  };
}

/** Put a sheet on a canvas. */
export function paint(canvas, layout, colourOf) {
  if (canvas.width !== layout.width) canvas.width = layout.width;
  if (canvas.height !== layout.height) canvas.height = layout.height;
  const pixels = new ImageData(sheetPixels(layout, colourOf), layout.width, layout.height);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** The bytes of a buffer or a view, however Jupyter handed them over. */
export function bytesOf(view) {
  return view.buffer ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(view);
}

/** A number to read: three digits that count, and a real minus. */
export function threeDigits(value) {
  return Number(value.toPrecision(3)).toString().replace("-", "−");
}
