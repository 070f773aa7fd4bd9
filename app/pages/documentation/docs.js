// Starts Swagger UI with this service's own document.

// Light or dark, as on the playground. Storage may be forbidden.
const system = matchMedia("(prefers-color-scheme: dark)");
const choice = (() => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return "";
  }
})();
const applyTheme = () => document.documentElement.classList.toggle("dark-mode", choice ? choice === "dark" : system.matches);
applyTheme();
system.addEventListener("change", applyTheme);

const response = await fetch("openapi.json");
const openapi = await response.json();
// The document says "/"; below a proxy's prefix, the service is where this page is.
openapi.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, ""), description: "This service." }];

// Without a key that is required, there is nothing to authorize.
const operations = Object.values(openapi.paths).flatMap((path) => Object.values(path));
if (operations.every(({ security }) => !security?.length || security.some((scheme) => !Object.keys(scheme).length))) {
  for (const operation of operations) delete operation.security;
  delete openapi.components.securitySchemes;
}

SwaggerUIBundle({
  spec: openapi,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: false,
  validatorUrl: null, // otherwise a badge would contact swagger.io
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
