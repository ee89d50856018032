/** The element `#app` comes in; the overview page goes out. */
import { createApp } from "vue";

import { followLanguage } from "../language";
import "ol/ol.css";
import "../style.css";
import App from "./App.vue";

followLanguage();
createApp(App).mount("#app");
