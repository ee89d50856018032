/** The service's OpenAPI document comes in; a page to read and try it goes out, made of files of this host alone. */
import "swagger-ui-dist/swagger-ui.css";
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";

SwaggerUI({
  url: "/openapi.json",
  domNode: document.getElementById("docs"),
  // The badge would ask another host whether the document is valid.
  validatorUrl: null,
  deepLinking: true,
});
