import { page } from "./page.ts";

page(document.body);
