// CSV as RFC 4180 has it, and as spreadsheets write it.

const FORMULA = /^[=+\-@\t\r\n]/;

/**
 * Read rows. Quoted cells may hold delimiters, line ends and doubled quotes; a quote within an unquoted cell is text.
 *
 * @param {string} text
 * @param {string} delimiter One character.
 * @param {number} most Rows after which reading ends.
 * @returns {{rows: string[][], open: boolean}} Without empty lines; `open` when the last quote was never closed.
 */
export function readCsv(text, delimiter, most = Infinity) {
  const rows = [];
  let row = [];
  let at = 0;
  let open = false;
  const plain = new RegExp(`[^${delimiter}\r\n]*`, "y");
  while (at < text.length && rows.length < most) {
    let cell;
    if (text[at] === '"') {
      [cell, at, open] = readQuoted(text, at + 1);
    } else {
      plain.lastIndex = at;
      cell = "";
    }
    plain.lastIndex = at; // of a quoted cell: what stands behind its quote
    cell += plain.exec(text)[0];
    at = plain.lastIndex;
    row.push(cell);
    if (text[at] === delimiter) {
      at += 1;
      if (at === text.length) row.push("");
      continue;
    }
    at += text.startsWith("\r\n", at) ? 2 : 1;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  if (row.length) rows.push(row);
  return { rows, open };
}

/** @returns {[string, number, boolean]} The cell, where it ends, and whether its quote was never closed. */
function readQuoted(text, from) {
  let cell = "";
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return [cell + text.slice(from), text.length, true];
    cell += text.slice(from, quote);
    if (text[quote + 1] !== '"') return [cell, quote + 1, false];
    cell += '"';
    from = quote + 2;
  }
}

/**
 * Write rows, every text in quotes.
 *
 * Spreadsheets take a cell that begins with = + - @ for a formula, and run it; an apostrophe before it makes it a text.
 */
export function writeCsv(rows) {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function cell(value) {
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
