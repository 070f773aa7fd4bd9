// Read the reviews in a file: text, CSV or JSON Lines.

import { readCsv } from "./csv.js";
import { count } from "./verdict.js";

const MAX_BYTES = 100_000_000; // the file, its rows and its predictions are all in memory
const MAX_REVIEWS = 100_000;
const COLUMNS = ["review", "text", "reviews"]; // in order of preference
const DELIMITERS = [",", ";", "\t"];

/** The file cannot be read; the message says why and what to do. */
export class Unreadable extends Error {}

/**
 * @param {File} file
 * @returns {Promise<{reviews: Array<string|Unreadable>, note: string}>} In the order of the file, with an error in place
 *   of each line that has no review. `note` is a warning for the user, or "".
 */
export async function readRecords(file) {
  if (file.size > MAX_BYTES) throw new Unreadable(`The file is larger than ${MAX_BYTES / 1e6} MB. Split it.`);
  const { text, note: encodingNote } = decode(await file.arrayBuffer());
  if (text.includes("\0")) throw new Unreadable("This is not a text file: it contains NUL bytes. Save it as CSV or plain text in UTF-8.");
  const { reviews, note = "" } = parserOf(file)(text);
  if (!reviews.length) throw new Unreadable("The file contains no reviews.");
  if (reviews.length > MAX_REVIEWS)
    throw new Unreadable(`The file contains ${count(reviews.length, "review")}; the limit is ${MAX_REVIEWS.toLocaleString("en")}. Split it.`);
  return { reviews, note: `${encodingNote} ${note}`.trim() };
}

function parserOf(file) {
  const name = file.name.toLowerCase();
  if (/\.(jsonl|ndjson)$/.test(name)) return fromJsonLines;
  if (/\.(csv|tsv)$/.test(name) || /csv|tab-separated/.test(file.type)) return fromCsv;
  if (/\.(txt|text)$/.test(name) || file.type === "text/plain" || !name.includes(".")) return fromLines;
  throw new Unreadable("This file type is not supported. Use a text file (.txt), CSV (.csv) or JSON Lines (.jsonl).");
}

function decode(bytes) {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return { text: new TextDecoder("utf-16le").decode(bytes), note: "" };
  if (first === 0xfe && second === 0xff) return { text: new TextDecoder("utf-16be").decode(bytes), note: "" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), note: "" };
  } catch {
    const note = "The file is not UTF-8; it was read as Windows-1252. If characters look wrong, save it as UTF-8.";
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
    const [, ...rows] = closedRows(readCsv(text, delimiter));
    // In a file with one column, an unquoted comma belongs to the review.
    return { reviews: rows.map((row) => (header.length === 1 ? row.join(delimiter) : row[column] ?? "")) };
  }
  const rows = closedRows(readCsv(text, ","));
  const wide = rows.find((row) => row.length > 1);
  if (!wide) {
    const note = "The first line was treated as a review. If it is a header, rename the column to review.";
    return { reviews: rows.map(([only]) => only), note };
  }
  const widest = headers.reduce((widest, [, header]) => (header.length > widest.length ? header : widest), []);
  throw new Unreadable(
    `No column is named review or text; the first line contains: ${widest.slice(0, 10).join(", ").slice(0, 200)}. ` +
      "Rename the column that contains the reviews.",
  );
}

function closedRows({ rows, open }) {
  if (open) throw new Unreadable("A quotation mark in this CSV file is never closed, so its rows cannot be separated. Fix the file.");
  return rows;
}

function fromJsonLines(text) {
  const reviews = linesOf(text).map((line) => {
    try {
      const value = JSON.parse(line);
      const review = typeof value === "string" ? value : COLUMNS.map((name) => value?.[name]).find((part) => typeof part === "string");
      return review ?? new Unreadable("This line is neither a string nor an object with review or text.");
    } catch {
      return new Unreadable("This line is not JSON.");
    }
  });
  return { reviews };
}
