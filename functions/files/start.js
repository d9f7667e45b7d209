"use strict";
// Beside the page, as its policy allows no script inside it.
window.ui = SwaggerUIBundle({ url: "openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true });
