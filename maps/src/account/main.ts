/** The element `#app` comes in; the page of one's own account, and of all accounts, goes out. */
import { createApp } from "vue";

import { followLanguage } from "../language";
import "../style.css";
import App from "./App.vue";

followLanguage();
createApp(App).mount("#app");
