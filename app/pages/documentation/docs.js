// Starts Swagger UI with this service's own document.

const response = await fetch("openapi.json");
const openapi = await response.json();
// The document says "/"; below a proxy's prefix, the service is where this page is.
openapi.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, ""), description: "This service." }];

SwaggerUIBundle({
  spec: openapi,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: false,
  validatorUrl: null, // otherwise a badge would contact swagger.io
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
