// Starts Redoc on this service's own document.

Redoc.init("openapi.json", { hideDownloadButton: false }, document.getElementById("redoc"));
