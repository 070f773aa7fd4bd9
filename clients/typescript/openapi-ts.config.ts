// The files' names and the document are given by `python -m clients`.
export default {
  input: "../../openapi.json",
  output: { path: "src", importFileExtension: ".js" }, // so that Node can run what tsc makes of them
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
