"use strict";
// A file of its own, because the content security policy of the page forbids inline scripts.
window.ui = SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true });
