/* The other language of this very page, where it would else be that of the landing page. */
(() => {
  const link = document.getElementById("language");
  const here = new URL(location.href);
  here.searchParams.set("f", "html");
  here.searchParams.set("lang", link.dataset.lang);
  link.href = here.href;
})();
