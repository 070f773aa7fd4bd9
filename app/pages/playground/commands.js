// The page's request in other languages. They read the API key from the environment: commands end up in shell histories.

const TOP = 3; // effects of an explanation, so that the response is short

/**
 * @typedef {{base: string, endpoint: "predict"|"explain", review: string, version: string, withKey: boolean}} Call
 *   `base` is the address of the service and ends with a slash; `version` is "" for the default.
 */

export function bodyOf({ endpoint, review }) {
  return endpoint === "explain" ? { reviews: [review], top: TOP } : { reviews: [review] };
}

export function addressOf({ base, endpoint, version }) {
  return base + endpoint + (version ? `?version=${encodeURIComponent(version)}` : "");
}

/** For sh, bash and zsh. */
export function curl(call) {
  // Only ASCII, so that the terminal's encoding does not matter, and no single quotes, so that it can be quoted.
  const json = JSON.stringify(bodyOf(call)).replace(
    /['\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const key = call.withKey ? `\\\n  -H "Authorization: Bearer $SENTIMENT_KEY" ` : "";
  return `curl -s '${addressOf(call).replaceAll("'", "%27")}' -H 'Content-Type: application/json' ${key}\\\n  -d '${json}'`;
}

/** For Python 3 with this repository's client. JSON's strings are also Python's. */
export function python({ base, endpoint, review, version, withKey }) {
  const key = withKey ? `, api_key=os.environ["SENTIMENT_KEY"]` : "";
  const options = (endpoint === "explain" ? `, top=${TOP}` : "") + (version && `, version=${JSON.stringify(version)}`);
  return `${withKey ? "import os\n\n" : ""}from review_sentiment_client import SentimentClient

with SentimentClient(${JSON.stringify(base)}${key}) as client:
    print(client.${endpoint}([${JSON.stringify(review)}]${options}))
`;
}

/** For Node and browsers. */
export function typescript(call) {
  const key = call.withKey ? ", Authorization: `Bearer ${process.env.SENTIMENT_KEY}`" : "";
  return `const response = await fetch(${JSON.stringify(addressOf(call))}, {
  method: "POST",
  headers: { "Content-Type": "application/json"${key} },
  body: JSON.stringify(${JSON.stringify(bodyOf(call))}),
});
if (!response.ok) throw new Error(await response.text());
console.log(await response.json());
`;
}

/** JSON with what fits on a line on one line. */
export function readable(value, indent = "") {
  const flat = JSON.stringify(value, null, 1)?.replace(/\n\s*/g, " ") ?? "";
  if (typeof value !== "object" || value === null || flat.length + indent.length <= 100) return flat;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const lines = Object.entries(value).map(([name, part]) => (open === "{" ? `${JSON.stringify(name)}: ` : "") + readable(part, inner));
  return `${open}\n${lines.map((line) => inner + line).join(",\n")}\n${indent}${close}`;
}
