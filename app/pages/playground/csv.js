// CSV: RFC 4180, and what spreadsheets write.

/**
 * Read rows. Quoted cells may contain delimiters, line breaks and doubled quotes; a quote in an unquoted cell is text.
 *
 * @param {string} text
 * @param {string} delimiter One character.
 * @param {number} maxRows
 * @returns {{rows: string[][], open: boolean}} Without empty lines; `open` if the last quote is never closed.
 */
export function readCsv(text, delimiter, maxRows = Infinity) {
  // A quoted part and its closing quote, text without quotes, and what ends the cell. It matches at every position.
  const pattern = new RegExp(`(?:"([^"]*(?:""[^"]*)*)("|$))?([^${delimiter}\r\n]*)(${delimiter}|\r\n|\n|\r|$)`, "y");
  const rows = [];
  let row = [];
  let open = false;
  let end;
  do {
    const [, quoted = "", close, plain, ending] = pattern.exec(text);
    row.push(quoted.replaceAll('""', '"') + plain);
    open = close === "";
    end = ending;
    if (end === delimiter) continue;
    if (row.length > 1 || row[0]) rows.push(row);
    row = [];
  } while (end && rows.length < maxRows);
  return { rows, open };
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
  if (typeof value !== "string") return String(value);
  return `"${value.replace(/^[=+\-@\t\r\n]/, "'$&").replaceAll('"', '""')}"`;
}
