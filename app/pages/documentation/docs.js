// Starts Swagger UI with this service's own document.

const response = await fetch("openapi.json");
const openapi = await response.json();
openapi.info.title = "API documentation"; // the name of the service is above it
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
