// CSV: RFC 4180, and what spreadsheets write.

const FORMULA = /^[=+\-@\t\r\n]/;

/**
 * Read rows. Quoted cells may contain delimiters, line breaks and doubled quotes; a quote in an unquoted cell is text.
 *
 * @param {string} text
 * @param {string} delimiter One character.
 * @param {number} maxRows
 * @returns {{rows: string[][], open: boolean}} Without empty lines; `open` if the last quote is never closed.
 */
export function readCsv(text, delimiter, maxRows = Infinity) {
  const rows = [];
  let row = [];
  let at = 0;
  let open = false;
  const plain = new RegExp(`[^${delimiter}\r\n]*`, "y");
  while (at < text.length && rows.length < maxRows) {
    let cell;
    if (text[at] === '"') {
      [cell, at, open] = readQuoted(text, at + 1);
    } else {
      plain.lastIndex = at;
      cell = "";
    }
    plain.lastIndex = at; // for a quoted cell: any text after its closing quote
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

/** @returns {[string, number, boolean]} The cell, the index after it, and whether its quote is never closed. */
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
 * Write rows, with all strings quoted.
 *
 * Spreadsheets run cells that begin with = + - @ as formulas; a leading apostrophe makes them text.
 */
export function writeCsv(rows) {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function cell(value) {
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
