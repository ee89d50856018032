/** Swagger UI ships no types; only what the page uses is told. */
declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  export default function SwaggerUI(options: {
    url: string;
    domNode: HTMLElement | null;
    validatorUrl: string | null;
    deepLinking: boolean;
  }): void;
}
