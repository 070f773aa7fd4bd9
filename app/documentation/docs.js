// Starts Swagger UI on this service's own document.

const answer = await fetch("openapi.json");
const openapi = await answer.json();
// The document says "/"; below a proxy's prefix the service is where this page is.
openapi.servers = [{ url: new URL(".", location.href).href.replace(/\/$/, ""), description: "This service." }];

SwaggerUIBundle({
  spec: openapi,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: false,
  validatorUrl: null, // else a badge would ask swagger.io
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
