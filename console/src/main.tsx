import { render } from "preact";
import { App } from "./App.tsx";

// Inside another page it would be somebody else's to press on. The header says the same to browsers that hear it.
const app = document.getElementById("app");
if (app && window.top === window.self) render(<App />, app);
