// Reviews from a file: text, CSV or JSON Lines.

import { readCsv } from "./csv.js";
import { count } from "./verdict.js";

const LARGEST = 100_000_000; // bytes; browsers hold the file, its rows and the answers in memory
const MOST = 100_000; // rows
const COLUMNS = ["review", "text", "reviews"]; // those that are advised first
const DELIMITERS = [",", ";", "\t"];

/** The file cannot be used; the message says why, and what to do. */
export class Unreadable extends Error {}

/**
 * @param {File} file
 * @returns {Promise<{reviews: Array<string|Unreadable>, note: string}>} In the file's order; in the place of a line that
 *   holds no review: why. `note` tells what else a person should know.
 */
export async function readRecords(file) {
  if (file.size > LARGEST) throw new Unreadable(`The file has more than ${LARGEST / 1e6} MB. Split it.`);
  const { text, note: encoding } = decode(await file.arrayBuffer());
  if (text.includes("\0")) throw new Unreadable("This is no text: it holds zero bytes. Save it as CSV or as plain text in UTF-8.");
  const { reviews, note = "" } = parserOf(file)(text);
  if (!reviews.length) throw new Unreadable("There is no review in this file.");
  if (reviews.length > MOST)
    throw new Unreadable(`The file holds ${count(reviews.length, "review")}; this page takes ${MOST.toLocaleString("en")} at a time. Split it.`);
  return { reviews, note: `${encoding} ${note}`.trim() };
}

function parserOf(file) {
  const name = file.name.toLowerCase();
  if (/\.(jsonl|ndjson)$/.test(name)) return fromJsonLines;
  if (/\.(csv|tsv)$/.test(name) || /csv|tab-separated/.test(file.type)) return fromCsv;
  if (/\.(txt|text)$/.test(name) || file.type === "text/plain" || !name.includes(".")) return fromLines;
  throw new Unreadable("This kind of file is not read here. Use a text file (.txt), CSV (.csv) or JSON Lines (.jsonl).");
}

function decode(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return { text: new TextDecoder("utf-16le").decode(bytes), note: "" };
  if (first === 0xfe && second === 0xff) return { text: new TextDecoder("utf-16be").decode(bytes), note: "" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), note: "" };
  } catch {
    const note = "The file is not in UTF-8; it was read as Windows-1252. If signs look wrong, save it as UTF-8.";
    return { text: new TextDecoder("windows-1252").decode(bytes), note };
  }
}

function fromLines(text) {
  return { reviews: linesOf(text) };
}

function linesOf(text) {
  return text.split(/\r\n|\n|\r/).filter((line) => line.trim());
}

function fromCsv(text) {
  const headers = DELIMITERS.map((delimiter) => [delimiter, readCsv(text, delimiter, 1).rows[0] ?? []]);
  for (const [delimiter, header] of headers) {
    const names = header.map((name) => name.trim().toLowerCase());
    const column = COLUMNS.map((name) => names.indexOf(name)).find((index) => index >= 0);
    if (column === undefined) continue;
    const [, ...rows] = closed(readCsv(text, delimiter));
    // In a file of one column, a comma that nobody quoted belongs to the review.
    return { reviews: rows.map((row) => (header.length === 1 ? row.join(delimiter) : row[column] ?? "")) };
  }
  const rows = closed(readCsv(text, ","));
  const wide = rows.find((row) => row.length > 1);
  if (!wide) {
    const note = "The first line was taken for a review. If it names the column, call it review.";
    return { reviews: rows.map(([only]) => only), note };
  }
  const found = headers.reduce((widest, [, header]) => (header.length > widest.length ? header : widest), []);
  throw new Unreadable(
    `No column is named review or text; the first line has: ${found.slice(0, 10).join(", ").slice(0, 200)}. ` +
      "Name the column with the reviews so in the first line.",
  );
}

function closed({ rows, open }) {
  if (open) throw new Unreadable("A quotation mark in this CSV file is never closed, so its rows cannot be told apart. Mend the file.");
  return rows;
}

function fromJsonLines(text) {
  const reviews = linesOf(text).map((line) => {
    try {
      const value = JSON.parse(line);
      const review = typeof value === "string" ? value : COLUMNS.map((name) => value?.[name]).find((part) => typeof part === "string");
      return review ?? new Unreadable("This line has neither a text nor an object with review or text.");
    } catch {
      return new Unreadable("This line is not JSON.");
    }
  });
  return { reviews };
}
